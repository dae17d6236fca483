"""Accounts, sessions, and expiry and revocation of tokens."""

import secrets
from collections import OrderedDict
from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from inventory.core.clock import Clock

_TOKENS = 10_000


class Account(msgspec.Struct, frozen=True):
    """Credentials of a client. `pro`: may place holds and orders; otherwise the account is read-only."""

    username: str
    password: str
    pro: bool = True

    def __repr__(self) -> str:
        return f"Account({self.username!r}, pro={self.pro})"


class Login(msgspec.Struct, frozen=True):
    """A session. `ends`: expiry of the token; `refresh_token`: exchanged for the next session."""

    account: Account
    token: str
    refresh_token: str
    ends: datetime


class Accounts:
    """Password login and token lookup. A token is valid for `token_seconds`; the last 10,000 are kept."""

    def __init__(self, accounts: Iterable[Account], token_seconds: float, clock: Clock) -> None:
        self._accounts = {account.username: account for account in accounts}
        self.lifetime = timedelta(seconds=token_seconds)
        self._clock = clock
        self._tokens: OrderedDict[str, Login] = OrderedDict()
        self._refresh_tokens: OrderedDict[str, Account] = OrderedDict()

    def log_in(self, username: str, password: str) -> Login | None:
        """Start a session. Returns None if the credentials are wrong."""
        account = self._accounts.get(username)
        if account is None or not secrets.compare_digest(account.password.encode(), password.encode()):
            return None
        return self._session(account)

    def refresh(self, refresh_token: str) -> Login | None:
        """Exchange a refresh token, which can be used once, for a session. Returns None if the token is unknown."""
        account = self._refresh_tokens.pop(refresh_token, None)
        return None if account is None else self._session(account)

    def account_of(self, token: str) -> Account | None:
        """The account of a token. Returns None if the token is unknown or has expired."""
        login = self._tokens.get(token)
        if login is None or login.ends <= self._clock():
            self._tokens.pop(token, None)
            return None
        return login.account

    def revoke(self, token: str) -> None:
        """Revoke a token before it expires."""
        self._tokens.pop(token, None)

    def _session(self, account: Account) -> Login:
        ends = self._clock() + self.lifetime
        login = Login(account, secrets.token_urlsafe(24), secrets.token_urlsafe(24), ends)
        self._tokens[login.token] = login
        self._refresh_tokens[login.refresh_token] = account
        for known in (self._tokens, self._refresh_tokens):
            if len(known) > _TOKENS:
                known.popitem(last=False)
        return login
