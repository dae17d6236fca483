"""Who may log in, and the tokens they hold."""

import secrets
from collections import OrderedDict
from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from app.core.clock import Clock

_TOKENS = 10_000


class Account(msgspec.Struct, frozen=True):
    """`pro`: may hold and order, not only read."""

    username: str
    password: str
    pro: bool = True

    def __repr__(self) -> str:
        return f"Account({self.username!r}, pro={self.pro})"


class Accounts:
    """Logs in and recognises tokens, each good for `token_seconds`."""

    def __init__(self, accounts: Iterable[Account], token_seconds: float, clock: Clock) -> None:
        self._accounts = {account.username: account for account in accounts}
        self._lifetime = timedelta(seconds=token_seconds)
        self._clock = clock
        self._tokens: OrderedDict[str, tuple[Account, datetime]] = OrderedDict()

    def log_in(self, username: str, password: str) -> str | None:
        """A new token; None for wrong credentials."""
        account = self._accounts.get(username)
        if account is None or not secrets.compare_digest(account.password.encode(), password.encode()):
            return None
        token = secrets.token_urlsafe(24)
        self._tokens[token] = account, self._clock() + self._lifetime
        if len(self._tokens) > _TOKENS:
            self._tokens.popitem(last=False)
        return token

    def holder(self, token: str) -> Account | None:
        """Whose token this is; None if it is unknown or has expired."""
        account, end = self._tokens.get(token, (None, None))
        if end is None or end <= self._clock():
            self._tokens.pop(token, None)
            return None
        return account

    def revoke(self, token: str) -> None:
        """Let a token expire before its time."""
        self._tokens.pop(token, None)
