"""Temporary directories that a server's account can reach, and that never pile up.

A launcher that is killed can't tidy up. So each directory is held by a lock that the kernel lets go of with its
process, and every start removes what no process holds any more.
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
from sandbox.stack.account import passable

_PREFIX = "run-"


class NoScratch(InventoryError):
    """There is no directory for temporary files that can be used."""

    code = "NO_SCRATCH"


@contextmanager
def scratch_directory() -> Iterator[Path]:
    """A new directory that ends with the `with`, or with the next start if this process is killed.

    Other accounts can pass through it but not list it; what lies inside decides for itself who may read it.
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
    """The directory of this user that holds all of them, and the copies of binaries.

    Raises:
        NoScratch: no directory for temporary files is open to the account of the servers, or another user was there
            first (its name can be guessed, so whose it is must be looked at).
    """
    home = _temporary_directory() / f"diamond-inventory-{os.geteuid()}"
    home.mkdir(mode=0o711, exist_ok=True)
    found = home.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise NoScratch(f"{home} belongs to another user; set TMPDIR to a directory of your own")
    home.chmod(0o711)  # whatever the umask made of it
    return home


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Only one process at a time is inside, in order of the kernel's choice."""
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
    for directory in (usual, Path("/var/tmp"), Path("/tmp")):  # noqa: S108 - only to find one that is open to all
        if directory.is_dir() and passable(directory):
            return directory
    raise NoScratch("no directory for temporary files is open to every account; set TMPDIR to one that is")


def _try_lock(path: Path) -> int | None:
    """The descriptor that holds the lock, None if another process holds it."""
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
            continue  # its process is just removing it
        if hold is not None:
            shutil.rmtree(path, ignore_errors=True)
            os.close(hold)
