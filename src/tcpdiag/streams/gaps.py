"""The gaps of a stream: many, where the snap length cut every packet."""

import numpy as np

from .chunk import Gap, Lost


class Gaps:
    """Collects them in order; those that touch and have one reason become one."""

    def __init__(self) -> None:
        self._blocks: list[tuple[Lost, np.ndarray]] = []

    def add(self, why: Lost, begins: np.ndarray, ends: np.ndarray) -> None:
        """Gaps with one reason, ascending."""
        first = np.ones(len(begins), bool)
        first[1:] = begins[1:] != ends[:-1]
        if not len(begins):
            return
        last = np.append(first[1:], True)
        block = np.stack([begins[first], ends[last]])
        if self._blocks and self._blocks[-1][0] is why and self._blocks[-1][1][1, -1] == block[0, 0]:
            self._blocks[-1][1][1, -1] = block[1, 0]
            block = block[:, 1:]
        if block.shape[1]:
            self._blocks.append((why, block))

    def merged(self) -> tuple[Gap, ...]:
        """All of them."""
        return tuple(
            Gap(begin, end - begin, why)
            for why, block in self._blocks
            for begin, end in zip(*block.tolist(), strict=True)
        )
