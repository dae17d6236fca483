"""Holding and buying at Nivoda, which knows no idempotency: what was perhaps done is never sent again blindly."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime

from redis.asyncio import Redis

from app.catalog.vocabulary import offers
from app.core.errors import (
    OutcomeUnknown,
    SupplierBusy,
    SupplierDeclined,
    SupplierError,
    SupplierHasNot,
    SupplierTokenExpired,
)
from app.core.logging import get_logger
from app.core.settings import Settings
from app.suppliers.limiter import RedisRateLimiter
from app.suppliers.nivoda.client import NivodaClient
from app.suppliers.nivoda.documents import Answer, Operation
from app.suppliers.nivoda.instants import InstantNotUnderstood, read_instant
from app.suppliers.nivoda.trading_documents import CANCEL_HOLD, CREATE_HOLD, CREATE_ORDER, LOOK, Hold
from app.suppliers.ports import HoldAnswer, Order, RateLimiter, SuppliersWord

log = get_logger()

# Not "Destination not found".
_NO_SUCH_STONE = re.compile(
    r"^(?!.*destination).*(?:not available|unavailable|not found|no longer|sold|on hold|held)",
    re.IGNORECASE | re.DOTALL,
)
_NO_SUCH_HOLD = re.compile(r"not found|no such|unknown|does not exist|already|expired", re.IGNORECASE)


class NivodaTrading:
    """Trading behind a client. Every request takes its turn at the client's limiter."""

    def __init__(
        self,
        client: NivodaClient,
        *,
        patience_seconds: float,
        timeout_seconds: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`patience_seconds`: how long a call may wait before it is sent; `timeout_seconds`: how long for its answer."""
        self._client = client
        self._patience_seconds = patience_seconds
        self._look_seconds = patience_seconds + timeout_seconds
        self._monotonic = monotonic

    async def create_hold(self, supplier_stone_id: str) -> HoldAnswer:
        async def nothing_happened() -> bool:
            word = await self._look_again(supplier_stone_id)
            return word is None or word.hold_id is None

        try:
            answer = await self._send(CREATE_HOLD, {"stone": supplier_stone_id}, nothing_happened)
        except SupplierDeclined as error:
            if _NO_SUCH_STONE.search(error.message):
                return HoldAnswer(None)
            raise
        hold = answer.account.create_hold
        if hold.id and not hold.denied:
            return HoldAnswer(hold.id, _end_of(hold))
        if hold.denied:
            return HoldAnswer(None)
        raise OutcomeUnknown

    async def cancel_hold(self, supplier_hold_id: str) -> bool:
        try:
            await self._client.send(CANCEL_HOLD, {"hold": supplier_hold_id}, self._deadline())
        except SupplierDeclined as error:
            if _NO_SUCH_HOLD.search(error.message):
                return False
            raise
        return True

    async def create_order(self, order: Order) -> str:
        async def nothing_happened() -> bool:
            word = await self._look_again(order.supplier_stone_id)
            # Not by "sold" alone: how he shows a stone whose order he is still working on is not known.
            return word is not None and (word.availability == "available" or word.hold_id is not None)

        item = {
            "offer": order.offer_id,
            "number": order.number,
            "comment": order.comments,
            "return_option": order.return_option,
            "destination": order.destination_id,
        }
        given = {name: value for name, value in item.items() if value is not None}
        try:
            answer = await self._send(CREATE_ORDER, given, nothing_happened)
        except SupplierDeclined as error:
            if _NO_SUCH_STONE.search(error.message):
                raise SupplierHasNot(error.message) from error
            raise
        return answer.account.create_order

    async def look(self, supplier_stone_id: str) -> SuppliersWord | None:
        return await self._look(supplier_stone_id, self._patience_seconds)

    async def _look_again(self, supplier_stone_id: str) -> SuppliersWord | None:
        # After a refusal, so it has to wait out the pause that was asked for, which is as long as patience at the most.
        async with asyncio.timeout(self._look_seconds):
            return await self._look(supplier_stone_id, self._look_seconds)

    async def _look(self, supplier_stone_id: str, patience_seconds: float) -> SuppliersWord | None:
        answer = await self._client.call(LOOK, {"stone": supplier_stone_id}, patience_seconds=patience_seconds)
        found = answer.account.get_diamond_by_id
        if found is None or found.diamond is None:
            return None
        return SuppliersWord(offers.availability(found.diamond.availability), found.diamond.hold_id or None)

    def _deadline(self) -> float:
        return self._monotonic() + self._patience_seconds

    async def _send(
        self,
        operation: Operation[Answer],
        variables: Mapping[str, object],
        nothing_happened: Callable[[], Awaitable[bool]],
    ) -> Answer:
        """Send, and after a refusal of the call as such (429, a token that has ended) once more, until patience ends.

        Such a refusal means that nothing was done. What costs money is not left to that: before it is sent again, and
        before anybody is told that it was not done, the stone is looked at.
        """
        deadline = self._deadline()
        tokens = 0
        while True:
            try:
                return await self._client.send(operation, variables, deadline)
            except (SupplierBusy, SupplierTokenExpired) as refusal:
                try:
                    unchanged = await nothing_happened()
                except (SupplierError, TimeoutError):
                    raise OutcomeUnknown from refusal
                if not unchanged:
                    raise OutcomeUnknown from refusal
                tokens += isinstance(refusal, SupplierTokenExpired)
                if tokens > 1 or self._monotonic() >= deadline:
                    raise


@asynccontextmanager
async def open_limited_trading(settings: Settings, redis: Redis) -> AsyncIterator[NivodaTrading | None]:
    """Trading that takes part in the one budget of calls, by its urgent lane; None where no supplier is set.

    Raises:
        SettingsError: the endpoint is set, and its credentials are not.
    """
    if settings.nivoda_endpoint is None:
        yield None
        return
    async with open_trading(settings, RedisRateLimiter.of(settings, redis, urgent=True)) as trading:
        yield trading


@asynccontextmanager
async def open_trading(settings: Settings, limiter: RateLimiter) -> AsyncIterator[NivodaTrading]:
    """Trading with the settings' account, for the length of a `with`.

    Raises:
        SettingsError: the supplier's endpoint or its credentials are not set.
    """
    patience, timeout = settings.trading_patience_seconds, settings.trading_timeout_seconds
    async with NivodaClient.open(
        settings,
        limiter,
        patience_seconds=patience,
        timeout_seconds=timeout,
        fresh_connections=True,
        waits_for_schema=False,
    ) as client:
        yield NivodaTrading(client, patience_seconds=patience, timeout_seconds=timeout)


def _end_of(hold: Hold) -> datetime | None:
    """The instant at which a granted hold ends; None where the supplier does not say, or not in a known form."""
    try:
        return read_instant(hold.until)
    except InstantNotUnderstood as error:
        log.warning(
            "hold_end_not_understood", supplier_hold_id=hold.id, until=bytes(hold.until)[:100], error=str(error)
        )
        return None
