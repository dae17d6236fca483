"""Imports without the modules that no process of this service uses, and without garbage collections.

`app` and `sync` import this module before any library. `tests/unit/core/test_lean_imports.py` lists the modules that a start
must not import.
"""

import gc
import importlib.util
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any


def lazy_module(name: str) -> Any:
    """Return a module whose code runs at the first access to an attribute."""
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.find_spec(name)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@contextmanager
def collection_paused() -> Iterator[None]:
    """Pause garbage collection while a `with` block imports modules, and exclude their objects from later collections.

    Imports create objects that live as long as the process. Collections that visit them again and again took a quarter of a start.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


@contextmanager
def hidden(name: str) -> Iterator[None]:
    """Make imports of an optional module fail in a `with` block, unless it is imported already."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]  # Python's own way to block an import
    try:
        yield
    finally:
        del sys.modules[name]


@contextmanager
def bare_package(name: str) -> Iterator[None]:
    """Import modules of a package in a `with` block without running the code of the package itself."""
    if name in sys.modules:
        yield
        return
    parent, _, last = name.rpartition(".")
    package = ModuleType(name)
    package.__path__ = [f"{directory}/{last}" for directory in _directories(parent)] if parent else []
    sys.modules[name] = package
    try:
        yield
    finally:
        del sys.modules[name]


def _directories(package: str) -> Iterable[str]:
    if package in sys.modules:
        return sys.modules[package].__path__
    spec = importlib.util.find_spec(package)
    return (spec.submodule_search_locations if spec else None) or ()


# structlog renders tracebacks with Rich if it finds it. `inventory.core.logging` selects plain tracebacks.
with hidden("rich"):
    import structlog  # noqa: F401
# redis-py decodes tokens of Entra ID with PyJWT, which imports `cryptography`. This service logs in with passwords.
with bare_package("jwt"):
    import redis.auth.token
setattr(redis.auth.token, "jwt", lazy_module("jwt"))  # noqa: B010 - it is not declared there
