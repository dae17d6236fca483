"""System account of the servers: Postgres refuses to run as root, so root runs it as an unprivileged account."""

import os
import pwd
import stat
from pathlib import Path

import msgspec

from inventory.core.errors import InventoryError

UNPRIVILEGED = "nobody"


class NoAccount(InventoryError):
    """Postgres does not run as root, and the unprivileged account does not exist."""

    code = "NO_ACCOUNT"


class Account(msgspec.Struct, frozen=True):
    """User id and group id of a system account."""

    uid: int
    gid: int


def server_account() -> Account | None:
    """Return the account to run a server as, None for the current user (unless it is root).

    Raises:
        NoAccount: the current user is root and the unprivileged account does not exist.
    """
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(UNPRIVILEGED)
    except KeyError:
        raise NoAccount(
            f"Postgres does not run as root, and the account {UNPRIVILEGED!r} does not exist. Create it or run as another user"
        ) from None
    return Account(uid=entry.pw_uid, gid=entry.pw_gid)


def is_world_readable(path: Path) -> bool:
    """Whether all accounts can read a file or directory, by its mode and the modes of its parents."""
    path = path.resolve()
    return bool(path.stat().st_mode & stat.S_IROTH) and is_world_searchable(path.parent)


def is_world_searchable(directory: Path) -> bool:
    """Whether all accounts have search permission for a directory and its parents."""
    return all(each.stat().st_mode & stat.S_IXOTH for each in (directory.resolve(), *directory.resolve().parents))
