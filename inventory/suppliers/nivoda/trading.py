"""Trading adapter for Nivoda. Its operations are not idempotent: a request with an unknown outcome is not sent again."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

import msgspec
from redis.asyncio import Redis

from inventory.catalog.vocabulary import offers
from inventory.core.errors import (
    OutcomeUnknown,
    SupplierBusy,
    SupplierDeclined,
    SupplierError,
    SupplierItemUnavailable,
    SupplierTimeout,
    SupplierTokenExpired,
    SupplierUnavailable,
)
from inventory.core.settings import Settings
from inventory.suppliers.limiter import RedisRateLimiter
from inventory.suppliers.limits import MAX_CENTS
from inventory.suppliers.nivoda.account import (
    LOCATIONS,
    OWN_HOLDS,
    AccountAuthenticated,
    destinations_of,
    end_of,
    holds_of,
)
from inventory.suppliers.nivoda.client import NivodaClient, Variables
from inventory.suppliers.nivoda.documents import Answer, SupplierOperation
from inventory.suppliers.nivoda.error_entries import summary
from inventory.suppliers.nivoda.errors import RequestRejected
from inventory.suppliers.nivoda.null_items import NULL
from inventory.suppliers.nivoda.schema_view import SchemaView, named
from inventory.suppliers.nivoda.single_items import says_absent
from inventory.suppliers.nivoda.trading_documents import CANCEL_HOLD, CREATE_HOLD, CREATE_ORDER, ITEM_STATUS, OneOffer
from inventory.suppliers.ports import Destination, ItemStatus, OwnHold, RateLimiter, SupplierHold, SupplierOrder
from inventory.suppliers.values import number, text

# "Destination not found" is excluded.
_NO_SUCH_STONE = re.compile(
    r"^(?!.*destination).*(?:not available|unavailable|not found|no longer|sold|on hold|held)",
    re.IGNORECASE | re.DOTALL,
)
# Per hold or order. Each rejection names another missing member of the schema.
_REJECTION_LIMIT = 10
_NO_SUCH_HOLD = re.compile(r"not found|no such|unknown|does not exist|already|expired", re.IGNORECASE)

_offer = msgspec.json.Decoder(OneOffer)


class NivodaTrading:
    """Holds and orders over a client. Every request passes the client's rate limiter."""

    def __init__(
        self,
        client: NivodaClient,
        *,
        patience_seconds: float,
        timeout_seconds: float,
        supplier: str = "nivoda",
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`supplier`: code of the supplier in the inventory. `patience_seconds`: longest wait before a call is sent. `timeout_seconds`: longest wait for its answer."""
        self.supplier = supplier
        self._client = client
        self._patience_seconds = patience_seconds
        self._status_seconds = patience_seconds + timeout_seconds
        self._monotonic = monotonic

    async def create_hold(self, supplier_stone_id: str) -> SupplierHold:
        async def not_executed() -> bool:
            status = await self._status_after_rejection(supplier_stone_id)
            if status is None or status.shows_holds:
                return status is None or status.hold_id is None
            return status.availability == "available"

        try:
            answer = await self._send(CREATE_HOLD, {"stone": supplier_stone_id}, not_executed)
        except SupplierDeclined as error:
            if _NO_SUCH_STONE.search(error.message):
                return SupplierHold(None)
            raise
        hold = answer.account.create_hold
        if hold.id and not hold.denied:
            return SupplierHold(hold.id, end_of(hold.id, hold.until))
        if hold.denied:
            return SupplierHold(None)
        raise OutcomeUnknown

    async def cancel_hold(self, supplier_hold_id: str) -> bool:
        try:
            await self._client.send(CANCEL_HOLD, {"hold": supplier_hold_id}, self._deadline())
        except SupplierDeclined as error:
            if _NO_SUCH_HOLD.search(error.message):
                return False
            raise
        return True

    async def create_order(self, order: SupplierOrder) -> str:
        async def not_executed() -> bool:
            status = await self._status_after_rejection(order.supplier_stone_id)
            if status is None or status.order_item_id not in (None, order.order_item_id):
                return False
            # The availability "sold" does not prove an order of this account, so it is not sufficient.
            return status.availability == "available" or status.hold_id is not None

        try:
            answer = await self._send(CREATE_ORDER, lambda view: _item(order, view), not_executed)
        except SupplierDeclined as error:
            if _NO_SUCH_STONE.search(error.message):
                raise SupplierItemUnavailable(error.message) from error
            raise
        return answer.account.create_order

    async def item_status(self, supplier_stone_id: str) -> ItemStatus | None:
        return await self._item_status(supplier_stone_id, self._patience_seconds)

    async def own_holds(self) -> Sequence[OwnHold] | None:
        return holds_of(await self._account(OWN_HOLDS))

    async def destinations(self) -> Sequence[Destination] | None:
        return destinations_of(await self._account(LOCATIONS))

    async def _account(self, operation: SupplierOperation[AccountAuthenticated]) -> AccountAuthenticated:
        """Read data of the account by a login.

        Raises:
            SupplierError: the supplier does not answer in time, or its schema does not offer the data.
        """
        try:
            async with asyncio.timeout(self._status_seconds):
                return await self._client.account(operation, patience_seconds=self._patience_seconds)
        except TimeoutError:
            raise SupplierTimeout from None

    async def _status_after_rejection(self, supplier_stone_id: str) -> ItemStatus | None:
        # The supplier may have requested a pause, which is at most as long as the patience.
        async with asyncio.timeout(self._status_seconds):
            return await self._item_status(supplier_stone_id, self._status_seconds)

    async def _item_status(self, supplier_stone_id: str, patience_seconds: float) -> ItemStatus | None:
        answer = await self._client.call(ITEM_STATUS, {"stone": supplier_stone_id}, patience_seconds=patience_seconds)
        item, errors = bytes(answer.account.get_diamond_by_id), answer.errors
        if item == NULL:
            if says_absent(errors):
                return None
            raise SupplierError(f"The supplier can't show the stone: {summary(errors, ())}")
        try:
            found = _offer.decode(item)
        except msgspec.ValidationError as error:
            raise SupplierUnavailable("The supplier's answer can't be read: the stone has another shape") from error
        diamond = found.diamond
        if diamond is None:
            return None
        if diamond.id is not None and diamond.id != supplier_stone_id:
            raise SupplierUnavailable(
                f"The supplier answered with the stone {diamond.id} instead of {supplier_stone_id}"
            )
        failed = {part for entry in errors for part in entry.path}
        return ItemStatus(
            availability=offers.availability(diamond.availability),
            hold_id=diamond.hold_id or None,
            offer_id=text(found.id),
            price_cents=_cents(found.price),
            order_item_id=diamond.order_item_id or None,
            shows_holds=diamond.hold_id is not msgspec.UNSET and "HoldId" not in failed,
            shows_orders=diamond.order_item_id is not msgspec.UNSET and "OrderItemId" not in failed,
        )

    def _deadline(self) -> float:
        return self._monotonic() + self._patience_seconds

    async def _send(
        self,
        operation: SupplierOperation[Answer],
        variables: Variables,
        not_executed: Callable[[], Awaitable[bool]],
    ) -> Answer:
        """Send an operation, and repeat it after a rejection of the request until `patience_seconds` have passed.

        Rejections are status 429, an expired token, and a document that the schema does not allow. Each means that nothing
        was executed. Because an order costs money, the item's status must confirm that before the operation is repeated, and
        before the rejection is raised.
        """
        deadline = self._deadline()
        tokens = rejections = 0
        while True:
            try:
                return await self._client.send(operation, variables, deadline)
            except (SupplierBusy, SupplierTokenExpired, RequestRejected) as rejection:
                try:
                    unchanged = await not_executed()
                except (SupplierError, TimeoutError):
                    raise OutcomeUnknown from rejection
                if not unchanged:
                    raise OutcomeUnknown from rejection
                tokens += isinstance(rejection, SupplierTokenExpired)
                rejections += isinstance(rejection, RequestRejected)
                if tokens > 1 or rejections > _REJECTION_LIMIT or self._monotonic() >= deadline:
                    raise


@asynccontextmanager
async def open_limited_trading(settings: Settings, redis: Redis) -> AsyncIterator[NivodaTrading | None]:
    """Open trading with the shared rate limiter, as urgent calls. Yields None if no supplier is configured.

    Raises:
        SettingsError: NIVODA_ENDPOINT is set, and the credentials are not.
    """
    if settings.nivoda.endpoint is None:
        yield None
        return
    async with open_trading(
        settings, RedisRateLimiter.of(settings.nivoda, settings.sync.feed, redis, urgent=True)
    ) as trading:
        yield trading


@asynccontextmanager
async def open_trading(settings: Settings, limiter: RateLimiter) -> AsyncIterator[NivodaTrading]:
    """Open trading with the account of the settings, for a `with` block.

    Raises:
        SettingsError: the supplier's endpoint or its credentials are not set.
    """
    patience, timeout = settings.trading.patience_seconds, settings.trading.timeout_seconds
    async with NivodaClient.open(
        settings.nivoda,
        limiter,
        patience_seconds=patience,
        timeout_seconds=timeout,
        fresh_connections=True,
        waits_for_schema=False,
    ) as client:
        yield NivodaTrading(client, patience_seconds=patience, timeout_seconds=timeout, supplier=settings.sync.feed)


def _item(order: SupplierOrder, view: SchemaView) -> Mapping[str, object]:
    """Build the variables of an order. If the schema has no field for the order number, the comment contains it."""
    field = view.field(view.mutation, "create_order")
    items = field.arguments.get("items") if field else None
    members = view.inputs.get(named(items.type), {}) if items else {}
    number, comment = order.number, order.comments
    item: dict[str, object | None] = {
        "offer": order.offer_id,
        "number": number,
        "comment": comment,
        "return_option": order.return_option,
        "destination": order.destination_id,
    }
    if members and "customer_order_number" not in members:
        item |= {"number": None, "comment": "\n".join(filter(None, (f"Order number: {number}", comment)))}
    return {name: value for name, value in item.items() if value is not None}


def _cents(price: object) -> int | None:
    """Parse an item's price in US cents. Returns None if it is missing or invalid."""
    amount = number(price)
    return int(amount) if amount is not None and 0 < amount <= MAX_CENTS and amount % 1 == 0 else None
