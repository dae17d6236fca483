"""Holds of diamonds: reserve the diamond in the database, request the supplier's hold, record the result.

Each step is a short transaction, and no lock is held while the supplier is called. Of concurrent requests for a diamond, in
any number of processes, one reserves it, and only that request calls the supplier. If its process stops between two steps,
`inventory.trading.settlement` settles the reservation.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

import msgspec

from inventory.core.database import Connection, Database
from inventory.core.errors import NotFound, OutcomeUnknown, SupplierError, ValidationFailed
from inventory.core.logging import get_logger
from inventory.core.settings.trading import TradingSettings
from inventory.suppliers.ports import SupplierHold, SupplierTrading
from inventory.trading import diamonds, hold_repository, hold_transitions, purchase_repository
from inventory.trading.background_tasks import BackgroundTasks
from inventory.trading.errors import AlreadyHeld, HoldLimitReached, HoldNotExtendable, HoldOver, NotAvailable
from inventory.trading.locks import locked_diamond
from inventory.trading.models import Hold, TradedDiamond
from inventory.trading.ownership import Holder, check_reference
from inventory.trading.polling import PollingBackoff
from inventory.trading.states import HoldState
from inventory.trading.supplier_release import SupplierRelease
from inventory.trading.terms import require_tradable
from inventory.trading.timeouts import settlement_seconds

log = get_logger()


class Reservation(msgspec.Struct, frozen=True):
    """An open hold. `created`: this request created it and must call the supplier, after releasing `unreleased_holds`."""

    hold: Hold
    diamond: TradedDiamond
    created: bool
    unreleased_holds: Sequence[Hold] = ()


class Holds:
    """Holds of an installation. They need a supplier's account."""

    def __init__(
        self,
        settings: TradingSettings,
        database: Database,
        supplier: SupplierTrading | None,
        background_tasks: BackgroundTasks,
        *,
        trading_feed: str | None = None,
    ) -> None:
        """`supplier`: None without an account. `trading_feed`: the feed that trades; None without one."""
        self._trading_feed = trading_feed
        self._settings = settings
        self._database = database
        self._supplier = supplier
        self._background_tasks = background_tasks

    async def create(
        self, diamond_id: UUID, client_id: str, minutes: int | None = None, *, reference: str | None = None
    ) -> Hold:
        """Place a hold on a diamond for a client. Returns the open hold if the client has one under this reference already.

        `minutes`: longest duration; None requests the longest allowed one. The returned hold is active, or denied if the
        supplier denied it. `reference`: the shopper of the client, see `Holder`.

        Raises:
            ValidationFailed: `minutes` is out of range, or `reference` is blank or too long.
            NotFound: no active diamond has this id.
            AlreadyHeld: another client or reference has an open hold; `details` contain its expiry.
            NotTradable: the diamond's supplier has no trading.
            NotAvailable: the diamond is not available; `details` contain its availability.
            HoldLimitReached: the client or the reference has as many open holds as allowed.
            TradingUnavailable: trading is not configured.
            OutcomeUnknown: the supplier did not answer. The diamond stays reserved; the same client may retry.
            SupplierError: the supplier cannot be called. Nothing is held.
        """
        longest = self._check_minutes(minutes)
        check_reference(reference)
        if self._supplier is None:
            await diamonds.refuse_without_supplier(self._database, diamond_id, self._trading_feed)
        holder = Holder(client_id, reference)
        return await self._background_tasks.run(self._create(self._supplier, diamond_id, holder, minutes or longest))

    async def extend(
        self, hold_id: UUID, client_id: str, minutes: int | None = None, *, reference: str | None = None
    ) -> Hold:
        """Extend a hold to `minutes` from now, or to the longest allowed duration. A hold is never shortened.

        The limits are the expiry of the supplier's hold and the longest duration since the request.

        Raises:
            ValidationFailed: `minutes` is out of range.
            NotFound: the client or the reference has no such hold.
            HoldOver: the hold has ended.
            HoldNotExtendable: the hold lasts as long as allowed already.
        """
        longest = self._check_minutes(minutes)
        async with self._locked_hold(hold_id, Holder(client_id, reference)) as (connection, hold):
            if hold.state is not HoldState.ACTIVE or hold.expires_at is None:
                raise _hold_over(hold)
            now = await hold_repository.now(connection)
            latest = hold.requested_at + timedelta(minutes=longest)
            limit = latest if hold.supplier_until is None else min(latest, hold.supplier_until)
            if limit <= hold.expires_at:
                raise HoldNotExtendable(until=hold.expires_at)
            requested_until = latest if minutes is None else min(latest, now + timedelta(minutes=minutes))
            until = min(limit, requested_until)
            return await hold_transitions.extend(connection, hold_id, until, requested_until) or hold

    async def release(self, hold_id: UUID, client_id: str, *, reference: str | None = None) -> Hold:
        """End a hold at once, and start its release at the supplier. A hold that is over is returned unchanged.

        Raises:
            NotFound: the client or the reference has no such hold.
            NotAvailable: a purchase under the hold is in progress.
            HoldOver: the diamond was bought under the hold.
            OutcomeUnknown: the supplier has not answered the request for the hold yet.
        """
        holder = Holder(client_id, reference)
        await self._wait_for_outcome(await self._find(hold_id, holder))
        async with self._locked_hold(hold_id, holder) as (connection, hold):
            if hold.state is HoldState.PURCHASED:
                raise _hold_over(hold)
            if not hold.open:
                return hold
            if await purchase_repository.open_purchase(connection, hold.diamond_id):
                raise NotAvailable("The diamond is being bought.", availability="on_hold")
            released = await hold_transitions.end(connection, hold.id, HoldState.RELEASED)
        assert released is not None, "an open hold under its lock can be released"  # noqa: S101 - by the states
        log.info("hold_released", hold_id=str(hold_id), client_id=client_id)
        if self._supplier is not None and released.supplier_hold_id is not None:
            self._background_tasks.start(SupplierRelease(self._database, self._supplier).release(released))
        return released

    async def _create(self, supplier: SupplierTrading, diamond_id: UUID, holder: Holder, minutes: int) -> Hold:
        reservation = await self._reserve(diamond_id, holder, minutes)
        hold = reservation.hold
        if not reservation.created:
            return await self._wait_for_outcome(hold)
        try:
            await SupplierRelease(self._database, supplier).release_before(
                self._settings, reservation.unreleased_holds, reservation.diamond, hold.id
            )
            if not await self._postpone_settlement(hold):  # the settlement job has settled the request meanwhile
                return await self._wait_for_outcome(hold)
            answer = await supplier.create_hold(reservation.diamond.supplier_stone_id)
        except OutcomeUnknown:
            log.warning("hold_outcome_unknown", hold_id=str(hold.id), diamond_id=str(diamond_id))
            raise
        except SupplierError:
            async with locked_diamond(self._database, diamond_id) as connection:
                await hold_transitions.end(connection, hold.id, HoldState.DENIED, reason=hold_transitions.UNREACHED)
            raise
        return await self._settle(supplier, hold, answer)

    async def _reserve(self, diamond_id: UUID, holder: Holder, minutes: int) -> Reservation:
        async with locked_diamond(self._database, diamond_id, holder.client_id) as connection:
            present = await hold_transitions.open_hold(connection, diamond_id)
            diamond = await diamonds.diamond(connection, diamond_id)
            if diamond is None or not diamond.active:
                raise diamonds.diamond_not_found()
            if present is not None:
                if not holder.holds(present):
                    raise already_held(present, holder.client_id)
                return Reservation(present, diamond, created=False)
            if self._supplier is not None:
                require_tradable(diamond, self._supplier.supplier)
            if diamond.availability != "available":
                raise NotAvailable(availability=diamond.availability)
            await self._check_limits(connection, holder)
            hold = await hold_transitions.reserve(connection, self._settings, diamond, holder, minutes)
            unreleased_holds = await hold_repository.unreleased_holds(connection, diamond_id)
            return Reservation(hold, diamond, created=True, unreleased_holds=unreleased_holds)

    async def _check_limits(self, connection: Connection, holder: Holder) -> None:
        """Check the number of open holds of a client, which must be locked, and of its reference."""
        of_client, of_reference = await hold_repository.count_open_holds(connection, holder.client_id, holder.reference)
        limit = self._settings.holds_per_client
        if of_client >= limit:
            raise HoldLimitReached(limit=limit)
        limit = self._settings.holds_per_reference
        if of_reference >= limit:
            raise HoldLimitReached(
                "The reference has reached its limit of open holds. Release a hold first.", limit=limit
            )

    async def _postpone_settlement(self, hold: Hold) -> bool:
        """Postpone the settlement of a request that is sent now. Returns False if it is settled already."""
        async with self._database.bounded() as connection:
            return await hold_repository.postpone_request(connection, hold.id, settlement_seconds(self._settings))

    async def _settle(self, supplier: SupplierTrading, hold: Hold, answer: SupplierHold) -> Hold:
        """Record the supplier's answer. If it grants a hold that has ended meanwhile, start its release."""
        async with locked_diamond(self._database, hold.diamond_id) as connection:
            settled = await hold_transitions.settle(connection, hold.id, answer)
        log.info("hold_settled", hold_id=str(hold.id), client_id=hold.client_id, state=settled.state)
        if answer.id is not None and not settled.open:
            late = msgspec.structs.replace(settled, supplier_hold_id=answer.id, supplier_until=answer.until)
            self._background_tasks.start(SupplierRelease(self._database, supplier).release(late))
        return settled

    async def _wait_for_outcome(self, hold: Hold) -> Hold:
        """Poll a hold until the supplier has answered its request.

        Raises:
            OutcomeUnknown: the supplier does not answer in time.
        """
        backoff = PollingBackoff(self._settings.wait_seconds)
        while hold.state is HoldState.REQUESTED:
            if backoff.expired:
                raise OutcomeUnknown
            await backoff.pause()
            hold = await self._find(hold.id, Holder(hold.client_id))
        return hold

    async def _find(self, hold_id: UUID, holder: Holder) -> Hold:
        async with self._database.bounded() as connection:
            hold = await hold_repository.hold(connection, hold_id)
        if hold is None or not holder.may_see(hold):
            raise NotFound("You have no such hold.")
        return hold

    @asynccontextmanager
    async def _locked_hold(self, hold_id: UUID, holder: Holder) -> AsyncIterator[tuple[Connection, Hold]]:
        """Read a hold that the request may see, with its diamond locked."""
        found = await self._find(hold_id, holder)
        async with locked_diamond(self._database, found.diamond_id) as connection:
            hold = await hold_repository.hold(connection, hold_id)
            assert hold is not None  # noqa: S101 - holds are never deleted
            yield connection, hold

    def _check_minutes(self, minutes: int | None) -> int:
        """Check a duration against the longest allowed one, which is returned."""
        longest = self._settings.longest_hold_minutes
        if minutes is not None and not 1 <= minutes <= longest:
            raise ValidationFailed({"minutes": f"should be between 1 and {longest}"})
        return longest


def already_held(hold: Hold, client_id: str) -> AlreadyHeld:
    """Create the error for another client or reference. It contains the expiry and not the holder."""
    other = "Another reference" if hold.client_id == client_id else "Another client"
    return AlreadyHeld(f"{other} holds the diamond until {hold.until:%Y-%m-%d %H:%M} UTC.", until=hold.until)


def _hold_over(hold: Hold) -> HoldOver:
    return HoldOver(f"The hold is {hold.state}.", state=hold.state)
