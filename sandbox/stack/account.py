"""The account of a server: Postgres refuses root, so root runs it under an account that owns nothing."""

import os
import pwd
import stat
from pathlib import Path

import msgspec

from inventory.core.errors import InventoryError

UNPRIVILEGED = "nobody"


class NoAccount(InventoryError):
    """Postgres does not run as root, and there is no other account to run it as."""

    code = "NO_ACCOUNT"


class Account(msgspec.Struct, frozen=True):
    """An account of the system by its numbers."""

    uid: int
    gid: int


def server_account() -> Account | None:
    """The account to run a server as; None for the present user, which is right for everyone but root.

    Raises:
        NoAccount: this is root, and the account that takes its place does not exist.
    """
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(UNPRIVILEGED)
    except KeyError:
        raise NoAccount(f"Postgres does not run as root and there is no account {UNPRIVILEGED!r}") from None
    return Account(uid=entry.pw_uid, gid=entry.pw_gid)


def open_to_all(path: Path) -> bool:
    """Whether every account can reach and read this file or directory, by the mode of it and of all its parents."""
    path = path.resolve()
    return bool(path.stat().st_mode & stat.S_IROTH) and passable(path.parent)


def passable(directory: Path) -> bool:
    """Whether every account can pass through this directory."""
    return all(each.stat().st_mode & stat.S_IXOTH for each in (directory.resolve(), *directory.resolve().parents))
