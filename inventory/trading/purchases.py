"""Buying stones: a record first, then a check of the price, then one order, then its outcome.

Each step is its own short transaction, and none is open while the supplier is asked. The supplier knows no idempotency, so
the record provides it: nothing is sent without one, and nothing is sent twice. An unknown outcome stays unknown until the
supplier's answer comes late, or an operator has looked.
"""

import asyncio

import asyncpg
import msgspec

from inventory.core.database import Database
from inventory.core.errors import DatabaseUnavailable, OutcomeUnknown, SupplierError, SupplierHasNot, TradingUnavailable
from inventory.core.logging import get_logger
from inventory.core.settings import Settings
from inventory.pricing import repository as pricing
from inventory.pricing.rules import price
from inventory.suppliers.ports import SupplierOrder, SupplierTrading
from inventory.trading import hold_transitions, purchase_transitions, repository
from inventory.trading.background_tasks import BackgroundTasks
from inventory.trading.destinations import Destinations
from inventory.trading.errors import AlreadyHeld, IdempotencyMismatch, NotAvailable
from inventory.trading.holds import held, no_diamond
from inventory.trading.models import Hold, Purchase, TradedStone
from inventory.trading.polling import PollingBackoff
from inventory.trading.price_check import PriceAccepted, PriceRejected, check
from inventory.trading.purchase_request import PurchaseRequest
from inventory.trading.states import HoldState, PurchaseState
from inventory.trading.terms import PriceTerms, agree, require_available

log = get_logger()

# What the supplier has said must not get lost because the database restarts.
_WRITE_TRIES = 20
_WRITE_PAUSE_SECONDS = 0.5


class RecordedPurchase(msgspec.Struct, frozen=True):
    """A purchase that was recorded just now and not sent yet, with the stone, the client's hold and the terms."""

    purchase: Purchase
    stone: TradedStone
    hold: Hold | None
    terms: PriceTerms


class Purchases:
    """Purchases of one installation. Without a supplier's account nothing can be bought."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        supplier: SupplierTrading | None,
        background_tasks: BackgroundTasks,
        destinations: Destinations,
    ) -> None:
        self._settings = settings
        self._database = database
        self._supplier = supplier
        self._background_tasks = background_tasks
        self._destinations = destinations

    async def buy(self, request: PurchaseRequest, *, client_id: str, key: str) -> Purchase:
        """Buy a stone, once per `key` of the client; asked again, returns its outcome. `refusal` says what went wrong.

        Its price is the expected one, if that is the list price, the one that the client's hold guarantees, or the one that
        its last refusal named. Without an expectation it is the guaranteed one, or else the list price. Before the order is
        sent the supplier's price is checked (setting TRADING_CHECK_PRICE); if that fails, nothing is ordered.

        Raises:
            ValidationFailed: a text of the request is blank, too long or not storable, or the account has no such destination.
            NotFound: there is no such stone.
            IdempotencyMismatch: the key was used for another request.
            AlreadyHeld: by another client, or the client's own hold is still being requested.
            NotAvailable: it can't be had; `details` say what it is.
            PriceChanged: what was expected is not the price; `details` say what is.
            TradingUnavailable: trading is not set up.
        """
        if self._supplier is None:
            raise TradingUnavailable
        return await self._background_tasks.do(self._buy(self._supplier, request, client_id, key))

    async def _buy(self, supplier: SupplierTrading, request: PurchaseRequest, client_id: str, key: str) -> Purchase:
        if not await self._is_used(key, client_id):  # a used key returns its outcome, whatever the rules are now
            request.check()
            await self._destinations.check(request.destination_id)
        try:
            recorded = await self._record(request, client_id, key)
        except asyncpg.UniqueViolationError:
            # The key was used for another stone, at the same time. It is known now.
            recorded = await self._record(request, client_id, key)
        if isinstance(recorded, Purchase):
            return await self._outcome(recorded)
        checked = await self._check(supplier, recorded)
        if isinstance(checked, PriceAccepted):
            return await self._order(supplier, recorded, checked)
        return await self._refuse(recorded.purchase, checked)

    async def _is_used(self, key: str, client_id: str) -> bool:
        async with self._database.bounded() as connection:
            return await repository.purchase_by_key(connection, client_id, key) is not None

    async def _record(self, request: PurchaseRequest, client_id: str, key: str) -> Purchase | RecordedPurchase:
        """The purchase under the key; as `RecordedPurchase` if it is new, and the order is to be sent."""
        async with hold_transitions.locked(self._database, request.diamond_id) as connection:
            known = await repository.purchase_by_key(connection, client_id, key)
            if known is not None:
                if known.request_hash != request.hash:
                    raise IdempotencyMismatch
                return known
            present = await hold_transitions.open_hold(connection, request.diamond_id)
            stone = await repository.stone(connection, request.diamond_id)
            if stone is None:
                raise no_diamond()
            hold = self._own_hold(present, client_id)
            if await repository.open_purchase(connection, stone.id):
                raise NotAvailable("The diamond is being bought.", availability="on_hold")
            if hold is None and not stone.active:
                raise no_diamond()
            offer_id = require_available(stone, hold)
            checks = self._settings.trading_check_price
            quoted = await repository.quoted_price(connection, stone.id, client_id) if checks else None
            terms = agree(request.expected_price_cents, stone, hold, quoted)
            purchase = await repository.add_purchase(
                connection,
                stone.id,
                client_id,
                key,
                request.hash,
                terms.price_cents,
                hold.id if hold else None,
                offer_id,
                request.destination_id,
                request.reference,
                request.comments,
                request.return_option,
            )
            await purchase_transitions.tell(connection, purchase)
            return RecordedPurchase(purchase, stone, hold, terms)

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

    async def _check(self, supplier: SupplierTrading, recorded: RecordedPurchase) -> PriceAccepted | PriceRejected:
        """Read the supplier's item and compare it with the terms. Nothing is ordered if that fails."""
        purchase, stone = recorded.purchase, recorded.stone
        if not self._settings.trading_check_price:
            return PriceAccepted(offer_id=purchase.offer_id, compared=False)
        try:
            async with asyncio.timeout(hold_transitions.call_seconds(self._settings)):
                status = await supplier.look(stone.supplier_stone_id)
        except (SupplierError, TimeoutError) as error:
            reason = error.message if isinstance(error, SupplierError) else "the supplier did not answer in time"
            log.warning("price_not_checked", purchase_id=str(purchase.id), error=reason)
            return PriceRejected(SupplierError.code, f"The supplier's price could not be checked: {reason}")
        async with self._database.bounded() as connection:
            rules = [stored.rule for stored in await pricing.rules(connection)]

        def reprice(cents: int) -> int:
            return price(rules, cents, stone.carat_milli, stone.shape, stone.lab_grown, stone.supplier).retail_cents

        return check(status, purchase.offer_id, recorded.terms, stone, recorded.hold, reprice)

    async def _refuse(self, purchase: Purchase, refused: PriceRejected) -> Purchase:
        """End a purchase that was not sent."""
        async with hold_transitions.locked(self._database, purchase.diamond_id) as connection:
            failed = await purchase_transitions.fail(
                connection, purchase, refused.code, refused.reason, current_price_cents=refused.current_price_cents
            )
        log.info("purchase_refused", purchase_id=str(purchase.id), client_id=purchase.client_id, code=refused.code)
        return failed or await self._outcome(purchase)

    async def _order(self, supplier: SupplierTrading, recorded: RecordedPurchase, cleared: PriceAccepted) -> Purchase:
        purchase, stone = recorded.purchase, recorded.stone
        async with hold_transitions.locked(self._database, stone.id) as connection:
            may_go_out = await repository.mark_purchase_sent(connection, purchase.id, cleared)
        if not may_go_out:  # this process stood still for so long that it was taken for dead
            return await self._outcome(purchase)
        order = SupplierOrder(
            number=str(purchase.id),
            supplier_stone_id=stone.supplier_stone_id,
            offer_id=cleared.offer_id,
            destination_id=purchase.destination_id,
            comments=_comments(purchase),
            return_option=purchase.return_option,
            order_item_id=cleared.order_item_id,
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
        async with hold_transitions.locked(self._database, purchase.diamond_id) as connection:
            settled: Purchase | None
            if isinstance(outcome, str):
                settled = await purchase_transitions.order(connection, purchase, outcome, feed)
                if settled is None:
                    settled = await purchase_transitions.contradict(connection, purchase, outcome, feed)
            elif isinstance(outcome, OutcomeUnknown):
                settled = await purchase_transitions.doubt(connection, purchase, feed)
            else:
                code = NotAvailable.reason if isinstance(outcome, SupplierHasNot) else SupplierError.code
                settled = await purchase_transitions.fail(connection, purchase, code, outcome.message)
            settled = settled or await repository.purchase(connection, purchase.id)
        assert settled is not None  # noqa: S101 - purchases are never deleted
        log.info("purchase settled", purchase_id=str(purchase.id), client_id=purchase.client_id, state=settled.state)
        return settled

    async def _outcome(self, purchase: Purchase) -> Purchase:
        """What has become of it, as soon as that is known, or how it stands after a while."""
        waiting = PollingBackoff(self._settings.trading_wait_seconds)
        while True:
            async with self._database.bounded() as connection:
                found = await repository.purchase(connection, purchase.id)
            assert found is not None  # noqa: S101 - purchases are never deleted
            if found.state is not PurchaseState.PENDING or waiting.over:
                return found
            await waiting.pause()


def _comments(purchase: Purchase) -> str | None:
    """What the supplier reads beside the order. The number is ours, so the client's own reference goes here."""
    reference = f"Reference: {purchase.reference}" if purchase.reference else None
    return "\n".join(text for text in (reference, purchase.comments) if text) or None
