"""Temporary directories for servers, with removal of abandoned directories.

A killed process cannot remove its directory. Each directory therefore has a file lock, which the kernel releases with the
process, and each start removes directories without a lock.
"""

import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from inventory.core.errors import InventoryError
from sandbox.stack.account import is_world_searchable

_PREFIX = "run-"


class NoScratch(InventoryError):
    """There is no usable directory for temporary files."""

    code = "NO_SCRATCH"


@contextmanager
def scratch_directory() -> Iterator[Path]:
    """Create a directory that is removed at the end of the context, or by the next start if this process is killed.

    Other accounts can search but not list it. Its content has separate permissions.
    """
    home = scratch_home()
    with locked(home / "lock"):
        _remove_abandoned(home)
        path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=home))
        path.chmod(0o711)
        hold = _try_lock(path / "lock")
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        if hold is not None:
            os.close(hold)


def scratch_home() -> Path:
    """Return the parent directory of the temporary directories and copied binaries of this user.

    Raises:
        NoScratch: the server account cannot access any directory for temporary files, or the directory belongs to another
            user (its name is predictable, so the owner is checked).
    """
    home = _temporary_directory() / f"diamond-inventory-{os.geteuid()}"
    home.mkdir(mode=0o711, exist_ok=True)
    found = home.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise NoScratch(f"{home} belongs to another user; set TMPDIR to a directory that you own")
    home.chmod(0o711)  # independent of the umask
    return home


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive file lock."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


def _temporary_directory() -> Path:
    usual = Path(tempfile.gettempdir())
    if os.geteuid() != 0:
        return usual
    for directory in (usual, Path("/var/tmp"), Path("/tmp")):  # noqa: S108 - only to find a world-searchable directory
        if directory.is_dir() and is_world_searchable(directory):
            return directory
    raise NoScratch(
        "no temporary directory is accessible to all accounts; set TMPDIR to a directory that is accessible"
    )


def _try_lock(path: Path) -> int | None:
    """Lock a file. Return the descriptor that holds the lock, None if another process holds it."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    return file


def _remove_abandoned(home: Path) -> None:
    for path in home.glob(f"{_PREFIX}*"):
        try:
            hold = _try_lock(path / "lock")
        except FileNotFoundError:
            continue  # its process is removing it
        if hold is not None:
            shutil.rmtree(path, ignore_errors=True)
            os.close(hold)
