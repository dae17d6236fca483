"""Buying stones: a record first, then one order, then its outcome; each its own short transaction.

The supplier knows no idempotency, so ours is the record: nothing goes out without it, and it goes out once. What nobody
knows stays unknown until the supplier's answer comes after all, or a person has looked.
"""

import asyncio

import asyncpg

from app.core.database import Connection, Database
from app.core.errors import (
    DatabaseUnavailable,
    InventoryError,
    OutcomeUnknown,
    SupplierError,
    SupplierHasNot,
    TradingUnavailable,
)
from app.core.logging import get_logger
from app.core.settings import Settings
from app.suppliers.ports import Order, Trading
from app.trading import ledger, moves, repository
from app.trading.conflicts import (
    AlreadyHeld,
    IdempotencyMismatch,
    NotAvailable,
    PriceChanged,
    PurchaseDeclined,
    PurchaseFailed,
)
from app.trading.holds import held, no_diamond
from app.trading.models import Hold, Purchase, Stone
from app.trading.purchase_request import PurchaseRequest
from app.trading.states import BOUGHT, OPEN_PURCHASES, REST_STATUS, HoldState, PurchaseState
from app.trading.undisturbed import Undisturbed
from app.trading.waiting import Waiting

log = get_logger()

# What the supplier has said must not get lost because the database restarts.
_WRITE_TRIES = 20
_WRITE_PAUSE_SECONDS = 0.5


class Purchases:
    """Purchases of one installation. Without a supplier's account nothing can be bought."""

    def __init__(
        self, settings: Settings, database: Database, supplier: Trading | None, undisturbed: Undisturbed
    ) -> None:
        self._settings = settings
        self._database = database
        self._supplier = supplier
        self._undisturbed = undisturbed

    async def buy(self, request: PurchaseRequest, *, client_id: str, key: str) -> Purchase:
        """Buy a stone, once per `key` of the client; asked again, what became of it. `refusal` says what went wrong.

        Its price is the expected one, if that is the list price or the one that the client's hold guarantees. Without an
        expectation it is the guaranteed one, or else the list price.

        Raises:
            ValidationFailed: a text of the request is blank, too long or not storable.
            NotFound: there is no such stone.
            IdempotencyMismatch: the key was used for another request.
            AlreadyHeld: by somebody else, or the client's own hold is still being asked for.
            NotAvailable: it can't be had; `details` say what it is.
            PriceChanged: what was expected is not the price; `details` say what is.
            TradingUnavailable: trading is not set up.
        """
        if self._supplier is None:
            raise TradingUnavailable
        return await self._undisturbed.do(self._buy(self._supplier, request, client_id, key))

    async def _buy(self, supplier: Trading, request: PurchaseRequest, client_id: str, key: str) -> Purchase:
        if not await self._is_used(key, client_id):  # a used key answers what became of it, whatever the rules are now
            request.check()
        try:
            purchase, stone = await self._record(request, client_id, key)
        except asyncpg.UniqueViolationError:
            # The key was used for another stone, at the same time. It is known now.
            purchase, stone = await self._record(request, client_id, key)
        if stone is None:
            return await self._outcome(purchase)
        return await self._order(supplier, purchase, stone)

    async def _is_used(self, key: str, client_id: str) -> bool:
        async with self._database.bounded() as connection:
            return await repository.purchase_by_key(connection, client_id, key) is not None

    async def _record(self, request: PurchaseRequest, client_id: str, key: str) -> tuple[Purchase, Stone | None]:
        """The purchase under the key; with the stone if it is new, and the order is to be sent."""
        async with moves.locked(self._database, request.diamond_id) as connection:
            known = await repository.purchase_by_key(connection, client_id, key)
            if known is not None:
                if known.request_hash != request.hash:
                    raise IdempotencyMismatch
                return known, None
            present = await moves.open_hold(connection, request.diamond_id)
            stone = await repository.stone(connection, request.diamond_id)
            if stone is None:
                raise no_diamond()
            hold = self._own_hold(present, client_id)
            offer_id = await _offer_of(connection, stone, hold)
            purchase = await repository.add_purchase(
                connection,
                stone.id,
                client_id,
                key,
                request.hash,
                _price(request, stone, hold),
                hold.id if hold else None,
                offer_id,
                request.destination_id,
                request.reference,
                request.comments,
                request.return_option,
            )
            await ledger.tell(connection, purchase)
            return purchase, stone

    @staticmethod
    def _own_hold(hold: Hold | None, client_id: str) -> Hold | None:
        """The client's own hold, which is not in its way."""
        if hold is None:
            return None
        if hold.client_id != client_id:
            raise held(hold)
        if hold.state is HoldState.REQUESTED:
            raise AlreadyHeld("Your own hold of the diamond is still being asked for; try again.", until=hold.until)
        return hold

    async def _order(self, supplier: Trading, purchase: Purchase, stone: Stone) -> Purchase:
        async with moves.locked(self._database, stone.id) as connection:
            may_go_out = await repository.mark_purchase_sent(connection, purchase.id)
        if not may_go_out:  # this process stood still for so long that it was taken for dead
            return await self._outcome(purchase)
        order = Order(
            number=str(purchase.id),
            supplier_stone_id=stone.supplier_stone_id,
            offer_id=purchase.offer_id,
            destination_id=purchase.destination_id,
            comments=_comments(purchase),
            return_option=purchase.return_option,
        )
        try:
            order_id = await supplier.create_order(order)
        except SupplierError as error:
            return await self._written(purchase, error)
        return await self._written(purchase, order_id)

    async def _written(self, purchase: Purchase, outcome: str | SupplierError) -> Purchase:
        """Write the outcome down, however long the database takes to be there again."""
        for attempt in range(_WRITE_TRIES):
            try:
                return await self._settle(purchase, outcome)
            except DatabaseUnavailable:
                log.exception("purchase not written down", purchase_id=str(purchase.id), outcome=str(outcome))
                if attempt == _WRITE_TRIES - 1:
                    raise
            await asyncio.sleep(_WRITE_PAUSE_SECONDS)
        raise AssertionError

    async def _settle(self, purchase: Purchase, outcome: str | SupplierError) -> Purchase:
        feed = self._settings.sync_feed
        async with moves.locked(self._database, purchase.diamond_id) as connection:
            settled: Purchase | None
            if isinstance(outcome, str):
                settled = await ledger.order(connection, purchase, outcome)
                if settled is None:
                    settled = await ledger.contradict(connection, purchase, outcome, feed)
            elif isinstance(outcome, OutcomeUnknown):
                settled = await ledger.doubt(connection, purchase, feed)
            else:
                code = NotAvailable.reason if isinstance(outcome, SupplierHasNot) else SupplierError.code
                settled = await ledger.fail(connection, purchase, code, outcome.message)
            settled = settled or await repository.purchase(connection, purchase.id)
        assert settled is not None  # noqa: S101 - purchases are never deleted
        log.info("purchase settled", purchase_id=str(purchase.id), client_id=purchase.client_id, state=settled.state)
        return settled

    async def _outcome(self, purchase: Purchase) -> Purchase:
        """What has become of it, as soon as that is known, or how it stands after a while."""
        waiting = Waiting(self._settings.trading_wait_seconds)
        while True:
            async with self._database.bounded() as connection:
                found = await repository.purchase(connection, purchase.id)
            assert found is not None  # noqa: S101 - purchases are never deleted
            if found.state is not PurchaseState.PENDING or waiting.over:
                return found
            await waiting.pause()


def refusal(purchase: Purchase) -> InventoryError | None:
    """The error for a client whose purchase is not ordered or confirmed: the same the first time and every later time."""
    if purchase.state in BOUGHT:
        return None
    status = REST_STATUS[purchase.state]
    if purchase.state in OPEN_PURCHASES:
        return OutcomeUnknown(
            "Whether the diamond was ordered is not known yet. Nothing is sent again; ask later with the same key.",
            details={"id": purchase.id, "status": status},
        )
    if purchase.state is PurchaseState.DECLINED:
        return PurchaseDeclined(id=purchase.id, status=status, state=purchase.state)
    if purchase.failure_code == NotAvailable.reason:
        return NotAvailable("The supplier no longer has the diamond.", id=purchase.id, status=status)
    if purchase.failure_code == SupplierError.code:
        return SupplierError(
            "The supplier did not take the order; nothing was bought. Try again under a new idempotency key.",
            details={"id": purchase.id, "status": status},
        )
    return PurchaseFailed(id=purchase.id, status=status)


async def _offer_of(connection: Connection, stone: Stone, hold: Hold | None) -> str:
    """The supplier's offer of a stone that this client may buy.

    Under a hold of one's own only the supplier may still say no: what the sync brought meanwhile does not.
    """
    if await repository.open_purchase(connection, stone.id):
        raise NotAvailable("The diamond is being bought.", availability="on_hold")
    if hold is None and not stone.active:
        raise no_diamond()
    if stone.availability == "sold" or (hold is None and stone.availability != "available"):
        raise NotAvailable(availability=stone.availability)
    if stone.offer_id is None:
        raise NotAvailable("The supplier does not say how to order this diamond.", availability="unavailable")
    return stone.offer_id


def _price(request: PurchaseRequest, stone: Stone, hold: Hold | None) -> int:
    """What is charged: the price that the client was shown, if it is one of those that hold now."""
    guaranteed = hold.price_cents if hold else stone.retail_price_cents
    expected = request.expected_price_cents
    if expected is None:
        return guaranteed
    if expected not in {guaranteed, stone.retail_price_cents}:
        raise PriceChanged(price_cents=guaranteed)
    return expected


def _comments(purchase: Purchase) -> str | None:
    """What the supplier reads beside the order. The number is ours, so the client's own reference goes here."""
    reference = f"Reference: {purchase.reference}" if purchase.reference else None
    return "\n".join(text for text in (reference, purchase.comments) if text) or None
