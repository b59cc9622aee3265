"""The only native code: rows in, rows out (Cython, pure-Python mode).

Each kernel is a plain `.py` that `pip install` compiles. Compiled it takes numpy arrays as memoryviews; uncompiled
the same text is the oracle of the tests and is fed with `rows.Rows`. `TCPDIAG_KERNELS=python` asks for the uncompiled
text, `native` for the compiled one; by default a missing compiled kernel is announced once on stderr.
"""

import importlib
import importlib.util
import os
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from ..errors import KernelError
from .rows import Rows

__all__ = ["arrays", "is_native", "load", "uncompiled"]

_announced = False


def load(name: str) -> ModuleType:
    """The kernel `name` of this package, compiled where it can be.

    Raises KernelError when `TCPDIAG_KERNELS=native` and it is not compiled.
    """
    choice = os.environ.get("TCPDIAG_KERNELS", "")
    if choice == "python":
        return uncompiled(name)
    module = importlib.import_module(f"{__name__}.{name}")
    if not is_native(module):
        if choice == "native":
            raise KernelError(f"kernel {name} is not compiled: install with a C compiler, or unset TCPDIAG_KERNELS")
        _announce()
    return module


def is_native(module: ModuleType) -> bool:
    """Whether the module is compiled."""
    return not str(module.__file__).endswith(".py")


def arrays(module: ModuleType, *values: np.ndarray) -> tuple[Any, ...]:
    """The arrays in the form that the module takes: themselves, or `Rows` around them."""
    return values if is_native(module) else tuple(Rows(value) for value in values)


def uncompiled(name: str) -> ModuleType:
    """The kernel `name` as plain Python, whether or not a compiled one stands beside it."""
    full = f"{__name__}._{name}_uncompiled"
    if full in sys.modules:
        return sys.modules[full]
    path = str(Path(__file__).with_name(f"{name}.py"))
    spec = importlib.util.spec_from_loader(full, SourceFileLoader(full, path))
    if spec is None or spec.loader is None:
        raise KernelError(f"no kernel called {name}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[full] = module
    spec.loader.exec_module(module)
    return module


def _announce() -> None:
    global _announced
    if not _announced:
        _announced = True
        print("tcpdiag: running without compiled kernels, about 1000 times slower", file=sys.stderr)
