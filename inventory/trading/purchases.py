"""Purchases of diamonds: record the purchase, check the price, send one order, record the outcome.

Each step is a short transaction, and none is open while the supplier is called. The supplier's API has no idempotency key,
so the record provides idempotency: an order is sent after its record, and once. An unknown outcome stays unknown until the
supplier answers late, or an operator records it.
"""

import asyncio

import asyncpg
import msgspec

from inventory.core.database import Database
from inventory.core.errors import (
    DatabaseUnavailable,
    OutcomeUnknown,
    SupplierError,
    SupplierItemUnavailable,
)
from inventory.core.logging import get_logger
from inventory.core.settings import Settings
from inventory.pricing import repository as pricing
from inventory.pricing.rules import price
from inventory.suppliers.ports import SupplierOrder, SupplierTrading
from inventory.trading import diamonds, hold_transitions, purchase_repository, purchase_transitions
from inventory.trading.background_tasks import BackgroundTasks
from inventory.trading.destinations import Destinations
from inventory.trading.errors import AlreadyHeld, IdempotencyMismatch, NotAvailable
from inventory.trading.holds import already_held
from inventory.trading.locks import locked_diamond
from inventory.trading.models import Hold, Purchase, TradedDiamond
from inventory.trading.ownership import Holder
from inventory.trading.polling import PollingBackoff
from inventory.trading.price_check import PriceAccepted, PriceRejected, check
from inventory.trading.purchase_request import PurchaseRequest
from inventory.trading.states import HoldState, PurchaseState
from inventory.trading.terms import PriceTerms, determine_terms, require_available, require_tradable
from inventory.trading.timeouts import supplier_call_seconds

log = get_logger()

# The supplier's answer must not get lost while the database restarts.
_WRITE_TRIES = 20
_WRITE_PAUSE_SECONDS = 0.5


class RecordedPurchase(msgspec.Struct, frozen=True):
    """A new purchase that was not sent yet, with the diamond, the client's hold and the terms."""

    purchase: Purchase
    diamond: TradedDiamond
    hold: Hold | None
    terms: PriceTerms


class Purchases:
    """Purchases of an installation. They need a supplier's account."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        supplier: SupplierTrading | None,
        background_tasks: BackgroundTasks,
        destinations: Destinations,
        *,
        trading_feed: str | None = None,
    ) -> None:
        """`supplier`: None without an account. `trading_feed`: the feed that trades; None without one."""
        self._trading_feed = trading_feed
        self._settings = settings
        self._database = database
        self._supplier = supplier
        self._background_tasks = background_tasks
        self._destinations = destinations

    async def buy(self, request: PurchaseRequest, *, client_id: str, key: str) -> Purchase:
        """Buy a diamond, once per idempotency `key` of the client. A repeated request returns the recorded outcome.

        `purchase_error` converts a purchase without an order to an error. An expected price must be the list price, the
        guaranteed price of the client's hold, or the price that the last rejection named. Without an expected price, the
        guaranteed price or else the list price applies. The supplier's price is checked before the order is sent (setting
        TRADING_CHECK_PRICE). If the check fails, nothing is ordered.

        Raises:
            ValidationFailed: a text of the request is blank, too long or not storable, or the account has no such destination.
            NotFound: no active diamond has this id.
            IdempotencyMismatch: the key was used for another request.
            AlreadyHeld: another client or reference has an open hold, or the supplier has not answered the client's hold request yet.
            NotTradable: the diamond's supplier has no trading.
            NotAvailable: the diamond is not available; `details` contain its availability.
            PriceChanged: the expected price is not valid; `details` contain the valid price.
            TradingUnavailable: trading is not configured.
        """
        if self._supplier is None:
            await diamonds.refuse_without_supplier(self._database, request.diamond_id, self._trading_feed)
        return await self._background_tasks.run(self._buy(self._supplier, request, client_id, key))

    async def _buy(self, supplier: SupplierTrading, request: PurchaseRequest, client_id: str, key: str) -> Purchase:
        if not await self._is_used(key, client_id):  # a used key returns its outcome without another validation
            request.check()
            await self._destinations.check(request.destination_id)
        try:
            recorded = await self._record(request, client_id, key)
        except asyncpg.UniqueViolationError:
            # A concurrent request used the key for another diamond. Its purchase can be read now.
            recorded = await self._record(request, client_id, key)
        if isinstance(recorded, Purchase):
            return await self._wait_for_outcome(recorded)
        checked = await self._check(supplier, recorded)
        if isinstance(checked, PriceAccepted):
            return await self._order(supplier, recorded, checked)
        return await self._reject(recorded.purchase, checked)

    async def _is_used(self, key: str, client_id: str) -> bool:
        async with self._database.bounded() as connection:
            return await purchase_repository.purchase_by_key(connection, client_id, key) is not None

    async def _record(self, request: PurchaseRequest, client_id: str, key: str) -> Purchase | RecordedPurchase:
        """Return the purchase under the key, or record a new one, whose order must be sent (`RecordedPurchase`)."""
        async with locked_diamond(self._database, request.diamond_id) as connection:
            known = await purchase_repository.purchase_by_key(connection, client_id, key)
            if known is not None:
                if known.request_hash != request.hash:
                    raise IdempotencyMismatch
                return known
            present = await hold_transitions.open_hold(connection, request.diamond_id)
            diamond = await diamonds.diamond(connection, request.diamond_id)
            if diamond is None:
                raise diamonds.diamond_not_found()
            hold = self._own_hold(present, Holder(client_id, request.reference))
            if await purchase_repository.open_purchase(connection, diamond.id):
                raise NotAvailable("The diamond is being bought.", availability="on_hold")
            if hold is None and not diamond.active:
                raise diamonds.diamond_not_found()
            if self._supplier is not None:
                require_tradable(diamond, self._supplier.supplier)
            offer_id = require_available(diamond, hold)
            checks = self._settings.trading.check_price
            quoted = await purchase_repository.quoted_price(connection, diamond.id, client_id) if checks else None
            terms = determine_terms(request.expected_price_cents, diamond, hold, quoted)
            purchase = await purchase_transitions.record(
                connection,
                diamond.id,
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
            return RecordedPurchase(purchase, diamond, hold, terms)

    @staticmethod
    def _own_hold(hold: Hold | None, holder: Holder) -> Hold | None:
        """Return the active hold that the purchase may use; raise if another hold or a pending request blocks it."""
        if hold is None:
            return None
        if not holder.may_buy_under(hold):
            raise already_held(hold, holder.client_id)
        if hold.state is HoldState.REQUESTED:
            raise AlreadyHeld("The supplier has not answered your hold request yet. Try again.", until=hold.until)
        return hold

    async def _check(self, supplier: SupplierTrading, recorded: RecordedPurchase) -> PriceAccepted | PriceRejected:
        """Read the supplier item and compare it with the terms. A failure rejects the purchase."""
        purchase, diamond = recorded.purchase, recorded.diamond
        if not self._settings.trading.check_price:
            return PriceAccepted(offer_id=purchase.offer_id, compared=False)
        try:
            async with asyncio.timeout(supplier_call_seconds(self._settings.trading)):
                status = await supplier.item_status(diamond.supplier_stone_id)
        except (SupplierError, TimeoutError) as error:
            reason = error.message if isinstance(error, SupplierError) else "the supplier did not answer in time"
            log.warning("price_not_checked", purchase_id=str(purchase.id), error=reason)
            return PriceRejected(SupplierError.code, f"The supplier's price could not be checked: {reason}")
        async with self._database.bounded() as connection:
            rules = [stored.rule for stored in await pricing.rules(connection)]

        def reprice(cents: int) -> int:
            return price(
                rules, cents, diamond.carat_milli, diamond.shape, diamond.lab_grown, diamond.supplier
            ).retail_cents

        return check(status, purchase.offer_id, recorded.terms, diamond, recorded.hold, reprice)

    async def _reject(self, purchase: Purchase, rejected: PriceRejected) -> Purchase:
        """Fail a purchase that was not sent."""
        async with locked_diamond(self._database, purchase.diamond_id) as connection:
            failed = await purchase_transitions.fail(
                connection, purchase, rejected.code, rejected.reason, current_price_cents=rejected.current_price_cents
            )
        log.info("purchase_rejected", purchase_id=str(purchase.id), client_id=purchase.client_id, code=rejected.code)
        return failed or await self._wait_for_outcome(purchase)

    async def _order(self, supplier: SupplierTrading, recorded: RecordedPurchase, accepted: PriceAccepted) -> Purchase:
        purchase, diamond = recorded.purchase, recorded.diamond
        async with locked_diamond(self._database, diamond.id) as connection:
            marked = await purchase_repository.mark_purchase_sent(connection, purchase.id, accepted)
        if not marked:  # the settlement job has failed the purchase while this process was suspended
            return await self._wait_for_outcome(purchase)
        order = SupplierOrder(
            number=str(purchase.id),
            supplier_stone_id=diamond.supplier_stone_id,
            offer_id=accepted.offer_id,
            destination_id=purchase.destination_id,
            comments=_comments(purchase),
            return_option=purchase.return_option,
            order_item_id=accepted.order_item_id,
        )
        try:
            order_id = await supplier.create_order(order)
        except SupplierError as error:
            return await self._record_outcome(purchase, error)
        return await self._record_outcome(purchase, order_id)

    async def _record_outcome(self, purchase: Purchase, outcome: str | SupplierError) -> Purchase:
        """Record the supplier's answer. Retry while the database is unavailable."""
        for attempt in range(_WRITE_TRIES):
            try:
                return await self._settle(purchase, outcome)
            except DatabaseUnavailable:
                log.exception("purchase_not_recorded", purchase_id=str(purchase.id), outcome=str(outcome))
                if attempt == _WRITE_TRIES - 1:
                    raise
            await asyncio.sleep(_WRITE_PAUSE_SECONDS)
        raise AssertionError

    async def _settle(self, purchase: Purchase, outcome: str | SupplierError) -> Purchase:
        feed = self._settings.sync.feed
        async with locked_diamond(self._database, purchase.diamond_id) as connection:
            settled: Purchase | None
            if isinstance(outcome, str):
                settled = await purchase_transitions.order(connection, purchase, outcome, feed)
                if settled is None:
                    settled = await purchase_transitions.report_contradiction(connection, purchase, outcome, feed)
            elif isinstance(outcome, OutcomeUnknown):
                settled = await purchase_transitions.mark_unknown(connection, purchase, feed)
            else:
                code = NotAvailable.reason if isinstance(outcome, SupplierItemUnavailable) else SupplierError.code
                settled = await purchase_transitions.fail(connection, purchase, code, outcome.message)
            settled = settled or await purchase_repository.purchase(connection, purchase.id)
        assert settled is not None  # noqa: S101 - purchases are never deleted
        log.info("purchase_settled", purchase_id=str(purchase.id), client_id=purchase.client_id, state=settled.state)
        return settled

    async def _wait_for_outcome(self, purchase: Purchase) -> Purchase:
        """Poll a purchase until it is no longer pending, or until the waiting time is over."""
        backoff = PollingBackoff(self._settings.trading.wait_seconds)
        while True:
            async with self._database.bounded() as connection:
                found = await purchase_repository.purchase(connection, purchase.id)
            assert found is not None  # noqa: S101 - purchases are never deleted
            if found.state is not PurchaseState.PENDING or backoff.expired:
                return found
            await backoff.pause()


def _comments(purchase: Purchase) -> str | None:
    """Comments of the order, with the client's reference: the order number is the purchase id."""
    reference = f"Reference: {purchase.reference}" if purchase.reference else None
    return "\n".join(text for text in (reference, purchase.comments) if text) or None
