"""Coverage-guided fuzzing of the whole path from bytes to report (atheris, which the tests do not need).

    pip install atheris
    python tests/fuzz/fuzz_capture.py CORPUS_FOLDER [libFuzzer options, e.g. -max_total_time=600 -max_len=4096]

Invariant, for any bytes: `analyze` gives a report or raises UnreadableInput with a reason; it ends, within the time
and memory that libFuzzer allows; the counts add up and no report holds a control character (`invariants.check`).
The uncompiled kernels are run unless TCPDIAG_KERNELS says otherwise, for only in Python can atheris see the branches:
what it finds goes to `found/`, where the tests run it with the compiled ones. The corpus starts with the fixtures.
"""

import os
import sys
import tempfile
from pathlib import Path
from types import FunctionType, ModuleType

import atheris

os.environ.setdefault("TCPDIAG_KERNELS", "python")
sys.path[:0] = [str(Path(__file__).parents[1])]

from fuzz.containers import COMPRESSORS, seeds  # noqa: E402

SCRATCH = Path(tempfile.mkdtemp(prefix="fuzz-")) / "input"

with atheris.instrument_imports(include=["tcpdiag"]):
    from fuzz.invariants import check

    for _seed in seeds():  # much of tcpdiag is imported when it is first needed
        check(_seed, SCRATCH)


def one_input(data: bytes) -> None:
    """Called by libFuzzer."""
    check(data, SCRATCH)


def plant(corpus: Path) -> None:
    """Put the seeds into an empty corpus."""
    corpus.mkdir(parents=True, exist_ok=True)
    if any(corpus.iterdir()):
        return
    for number, seed in enumerate(seeds()):
        (corpus / f"seed-{number}").write_bytes(seed)
    for number, compress in enumerate(COMPRESSORS):
        (corpus / f"packed-{number}").write_bytes(compress(seeds()[0]))


def instrument_kernels() -> None:
    """Uncompiled kernels come by a loader that `instrument_imports` does not see."""
    for name, module in list(sys.modules.items()):
        if name.startswith("tcpdiag.") and name.endswith("_uncompiled"):
            for function in functions(module):
                atheris.instrument_func(function)


def functions(module: ModuleType) -> list[FunctionType]:
    """What the module defines itself, methods included."""
    own = [value for value in vars(module).values() if getattr(value, "__module__", None) == module.__name__]
    methods = [method for value in own if isinstance(value, type) for method in vars(value).values()]
    return [value for value in own + methods if isinstance(value, FunctionType)]


if __name__ == "__main__":
    plant(Path(sys.argv[1]))
    instrument_kernels()
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
