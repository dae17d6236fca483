"""Those who are connected for long: how many one key may be, whether they still may, and how they are asked to leave."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import NoReturn, Protocol

import msgspec
from starlette.datastructures import Headers

from app.auth.authentication import Door
from app.auth.scopes import Principal
from inventory.core.errors import InventoryError, Unauthenticated, Unavailable
from inventory.core.logging import get_logger
from inventory.core.settings import Settings

log = get_logger()

# Keys are believed for 5 seconds by those who look them up, so a revoked one is noticed within 8.
_CHECK_SECONDS = 2.5


class TooMany(InventoryError):
    """This key has too much open at once."""

    code = "TOO_MANY_SUBSCRIPTIONS"


class TooManySockets(Unavailable):
    """Too many sockets and event streams are open. Try again later."""


class Leave(msgspec.Struct, frozen=True):
    """Why a guest has to leave. `code`: as a socket is closed with."""

    code: int
    reason: str


INVALID_KEY = Leave(4401, "The API key is no longer valid")
OTHER_RIGHTS = Leave(4403, "The rights of the API key have changed; connect again")
IDLE = Leave(1000, "Nothing was asked for so long")
GOING_AWAY = Leave(1001, "Connected for so long; connect again and go on")
RESTART = Leave(1012, "The server restarts; connect again and go on")


class Guest(Protocol):
    """A socket or an event stream, once it is known whose it is."""

    principal: Principal
    # With which it was let in.
    headers: Headers
    since: float

    def idle_since(self) -> float | None:
        """Since when it has asked for nothing; None while it does. By the monotonic clock, as `since`."""

    def dismiss(self, leave: Leave) -> None:
        """Ask it to leave, without waiting until it has."""


class Presence:
    """The guests of one process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._guests: set[Guest] = set()
        self._sockets: Counter[str] = Counter()
        self._subscriptions: Counter[str] = Counter()
        self._closing = False

    @contextmanager
    def entered(self, guest: Guest) -> Iterator[None]:
        """A guest, for as long as it is there.

        Raises:
            TooMany: its key has too many already.
            TooManySockets: all keys together have too many.
        """
        if len(self._guests) >= self._settings.most_sockets:
            raise TooManySockets
        most = self._settings.most_sockets_per_key
        with _counted(self._sockets, guest.principal.key_id, most, "sockets and event streams"):
            self._guests.add(guest)
            if self._closing:
                guest.dismiss(RESTART)
            try:
                yield
            finally:
                self._guests.discard(guest)

    @contextmanager
    def subscribed(self, principal: Principal) -> Iterator[None]:
        """A subscription, for as long as it is open.

        Raises:
            TooMany: its key has too many already.
        """
        with _counted(self._subscriptions, principal.key_id, self._settings.subscriptions_per_key, "subscriptions"):
            yield

    def __len__(self) -> int:
        return len(self._guests)

    def close(self) -> None:
        """Close all connections, and every new one."""
        self._closing = True
        for guest in list(self._guests):
            guest.dismiss(RESTART)

    async def watch(self, door: Door) -> NoReturn:
        """Keep looking after those who may not stay, until cancelled."""
        while True:
            await asyncio.sleep(_CHECK_SECONDS)
            self._dismiss_overdue(monotonic())
            try:
                await self._check(door)
            except Exception as error:  # noqa: BLE001 - what can't be known now is asked again
                log.warning("guests can't be checked", error=type(error).__name__)

    async def _check(self, door: Door) -> None:
        """Look after the keys, each once, however many came with it."""
        by_key: defaultdict[Principal, list[Guest]] = defaultdict(list)
        for guest in self._guests:
            by_key[guest.principal].append(guest)
        for principal, guests in by_key.items():
            try:
                present = await door.renew(principal, guests[0].headers)
            except Unauthenticated:
                leave = INVALID_KEY
            else:
                if present.scopes == principal.scopes:
                    continue
                leave = OTHER_RIGHTS
            log.info("guests dismissed", key_id=principal.key_id, guests=len(guests), reason=leave.reason)
            for guest in guests:
                guest.dismiss(leave)

    def _dismiss_overdue(self, now: float) -> None:
        for guest in list(self._guests):
            idle_since = guest.idle_since()
            if now - guest.since > self._settings.sockets_lifetime_seconds:
                guest.dismiss(GOING_AWAY)
            elif idle_since is not None and now - idle_since > self._settings.sockets_idle_seconds:
                guest.dismiss(IDLE)


@contextmanager
def _counted(counter: Counter[str], key_id: str, most: int, what: str) -> Iterator[None]:
    if counter[key_id] >= most:
        raise TooMany(f"This key has {most} {what} open, and may not have more.")
    counter[key_id] += 1
    try:
        yield
    finally:
        counter[key_id] -= 1
        if not counter[key_id]:
            del counter[key_id]
