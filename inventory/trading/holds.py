"""Holding stones: a reservation first, then the supplier, then the outcome; each its own short transaction.

Of many who ask for one stone at once, over any number of processes, one reserves it, and only that one asks the supplier.
During the supplier's call nothing is locked. A process that dies on the way leaves a reservation that `inventory.trading.settlement`
settles.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

import msgspec

from inventory.core.database import Connection, Database
from inventory.core.errors import (
    NotFound,
    OutcomeUnknown,
    SupplierError,
    SupplierUnavailable,
    TradingUnavailable,
    ValidationFailed,
)
from inventory.core.logging import get_logger
from inventory.core.settings import Settings
from inventory.events.models import EventKind
from inventory.suppliers.ports import SupplierHold, SupplierTrading
from inventory.trading import hold_transitions, repository
from inventory.trading.background_tasks import BackgroundTasks
from inventory.trading.errors import AlreadyHeld, HoldLimitReached, HoldNotExtendable, HoldOver, NotAvailable
from inventory.trading.models import Hold, TradedStone
from inventory.trading.polling import PollingBackoff
from inventory.trading.states import HoldState
from inventory.trading.supplier_holds import SupplierHolds
from inventory.trading.supplier_release import let_go

log = get_logger()

# A request that could not be settled for so long no longer blocks the stone. Long enough for an outage of the supplier.
_BLOCKS_SECONDS = 1800.0


class Reservation(msgspec.Struct, frozen=True):
    """A hold that is open. `fresh`: made just now, so the supplier is to be asked; `unreleased_holds`: what to let go before."""

    hold: Hold
    stone: TradedStone
    fresh: bool
    unreleased_holds: Sequence[Hold] = ()


class Holds:
    """Holds of one installation. Without a supplier's account nothing can be held."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        supplier: SupplierTrading | None,
        background_tasks: BackgroundTasks,
    ) -> None:
        self._settings = settings
        self._database = database
        self._supplier = supplier
        self._background_tasks = background_tasks

    async def create(self, diamond_id: UUID, client_id: str, minutes: int | None = None) -> Hold:
        """Hold a stone for a client, for as long as it may be or at most for `minutes`. Asked again, the open hold.

        The hold is active or, where the supplier says no, denied.

        Raises:
            ValidationFailed: no client may hold a stone for so long.
            NotFound: there is no such stone.
            AlreadyHeld: by another client; `details` say until when.
            NotAvailable: it can't be had; `details` say what it is.
            HoldLimitReached: the client holds enough.
            TradingUnavailable: trading is not set up.
            OutcomeUnknown: the supplier did not answer. The stone stays reserved; asked again, the outcome, once it is known.
            SupplierError: the supplier can't be asked. Nothing is held.
        """
        longest = self._settings.trading_longest_hold_minutes
        if minutes is not None and not 1 <= minutes <= longest:
            raise ValidationFailed({"minutes": f"should be between 1 and {longest}"})
        supplier = self._needed()
        return await self._background_tasks.do(self._create(supplier, diamond_id, client_id, minutes or longest))

    async def extend(self, hold_id: UUID, client_id: str, minutes: int | None = None) -> Hold:
        """Hold on for `minutes` from now, or as long as it may be; never shorter than before.

        That is: not beyond the supplier's own hold, nor beyond the longest hold since it was asked for.

        Raises:
            ValidationFailed: `minutes` is no length.
            NotFound: the client has no such hold.
            HoldOver: it has ended.
            HoldNotExtendable: it lasts as long as it may already.
        """
        longest = self._settings.trading_longest_hold_minutes
        if minutes is not None and not 1 <= minutes <= longest:
            raise ValidationFailed({"minutes": f"should be between 1 and {longest}"})
        async with self._of_client(hold_id, client_id) as (connection, hold):
            if hold.state is not HoldState.ACTIVE or hold.expires_at is None:
                raise _over(hold)
            now = await repository.now(connection)
            latest = hold.requested_at + timedelta(minutes=longest)
            limit = latest if hold.supplier_until is None else min(latest, hold.supplier_until)
            if limit <= hold.expires_at:
                raise HoldNotExtendable(until=hold.expires_at)
            wanted = latest if minutes is None else min(latest, now + timedelta(minutes=minutes))
            extended = await repository.extend_hold(connection, hold_id, min(limit, wanted), wanted)
            if extended is None:
                return hold
            await hold_transitions.tell(connection, extended, EventKind.HOLD_EXTENDED)
            return extended

    async def release(self, hold_id: UUID, client_id: str) -> Hold:
        """End a hold, here at once, and at the supplier soon. One that is over stays as it is.

        Raises:
            NotFound: the client has no such hold.
            NotAvailable: the stone is being bought under it.
            HoldOver: it was bought.
            OutcomeUnknown: the supplier is still being asked for it.
        """
        await self._outcome(await self._find(hold_id, client_id))
        async with self._of_client(hold_id, client_id) as (connection, hold):
            if hold.state is HoldState.PURCHASED:
                raise _over(hold)
            if not hold.open:
                return hold
            if await repository.open_purchase(connection, hold.diamond_id):
                raise NotAvailable("The diamond is being bought.", availability="on_hold")
            released = await hold_transitions.end(connection, hold.id, HoldState.RELEASED)
        assert released is not None, "an open hold under its lock can be released"  # noqa: S101 - by the states
        log.info("hold released", hold_id=str(hold_id), client_id=client_id)
        if self._supplier is not None and released.supplier_hold_id is not None:
            self._background_tasks.later(let_go(self._database, SupplierHolds(self._supplier), released))
        return released

    async def _create(self, supplier: SupplierTrading, diamond_id: UUID, client_id: str, minutes: int) -> Hold:
        reservation = await self._reserve(diamond_id, client_id, minutes)
        if not reservation.fresh:
            return await self._outcome(reservation.hold)
        hold = reservation.hold
        try:
            await self._clear(supplier, reservation)
            if not await self._still_asked_for(hold):  # the job has taken this process for dead
                return await self._outcome(hold)
            answer = await supplier.create_hold(reservation.stone.supplier_stone_id)
        except OutcomeUnknown:
            log.warning("hold of unknown outcome", hold_id=str(hold.id), diamond_id=str(diamond_id))
            raise
        except SupplierError:
            async with self._locked(diamond_id) as connection:
                await hold_transitions.end(connection, hold.id, HoldState.DENIED, reason=hold_transitions.UNREACHED)
            raise
        return await self._settle(supplier, hold, answer)

    async def _reserve(self, diamond_id: UUID, client_id: str, minutes: int) -> Reservation:
        settings = self._settings
        async with self._locked(diamond_id, client_id) as connection:
            present = await hold_transitions.open_hold(connection, diamond_id)
            stone = await repository.stone(connection, diamond_id)
            if stone is None or not stone.active:
                raise no_diamond()
            if present is not None:
                if present.client_id != client_id:
                    raise held(present)
                return Reservation(present, stone, fresh=False)
            if stone.availability != "available":
                raise NotAvailable(availability=stone.availability)
            most = settings.trading_holds_per_client
            if await repository.count_open_holds(connection, client_id) >= most:
                raise HoldLimitReached(limit=most)
            hold = await repository.add_hold(
                connection,
                diamond_id,
                client_id,
                price_cents=stone.retail_price_cents,
                supplier_price_cents=stone.supplier_price_cents,
                minutes=minutes,
                blocks_seconds=max(_BLOCKS_SECONDS, 2 * hold_transitions.settle_seconds(settings)),
                due_seconds=hold_transitions.settle_seconds(settings),
            )
            await hold_transitions.tell(connection, hold)
            return Reservation(hold, stone, True, await repository.unreleased_holds(connection, diamond_id))

    async def _clear(self, supplier: SupplierTrading, reservation: Reservation) -> None:
        """Release what the supplier still holds for this account: it would deny the new hold because of the old one."""
        try:
            async with asyncio.timeout(hold_transitions.call_seconds(self._settings)):
                found = SupplierHolds(supplier)
                for old in reservation.unreleased_holds:
                    await let_go(
                        self._database,
                        found,
                        old,
                        reservation.stone.supplier_stone_id,
                        asking=reservation.hold.id,
                    )
        except (OutcomeUnknown, TimeoutError) as error:
            # Unknown is only whether the old hold has ended; the new one was not asked for.
            raise SupplierUnavailable("The supplier did not end a hold before this one.") from error

    async def _still_asked_for(self, hold: Hold) -> bool:
        """Whether the supplier is to be asked for a hold, now. The job looks after it only when that has had its time."""
        async with self._database.bounded() as connection:
            return await repository.is_still_asked_for(
                connection, hold.id, hold_transitions.settle_seconds(self._settings)
            )

    async def _settle(self, supplier: SupplierTrading, hold: Hold, answer: SupplierHold) -> Hold:
        """Write down what the supplier said, whatever has become of the reservation meanwhile."""
        async with self._locked(hold.diamond_id) as connection:
            settled = await hold_transitions.settle(connection, hold.id, answer)
        log.info("hold settled", hold_id=str(hold.id), client_id=hold.client_id, state=settled.state)
        if answer.id is not None and not settled.open:
            late = msgspec.structs.replace(settled, supplier_hold_id=answer.id, supplier_until=answer.until)
            self._background_tasks.later(let_go(self._database, SupplierHolds(supplier), late))
        return settled

    async def _outcome(self, hold: Hold) -> Hold:
        """The hold once the supplier's answer is there.

        Raises:
            OutcomeUnknown: it does not come in time.
        """
        waiting = PollingBackoff(self._settings.trading_wait_seconds)
        while hold.state is HoldState.REQUESTED:
            if waiting.over:
                raise OutcomeUnknown
            await waiting.pause()
            hold = await self._find(hold.id, hold.client_id)
        return hold

    async def _find(self, hold_id: UUID, client_id: str) -> Hold:
        async with self._database.bounded() as connection:
            hold = await repository.hold(connection, hold_id)
        if hold is None or hold.client_id != client_id:
            raise NotFound("You have no such hold.")
        return hold

    @asynccontextmanager
    async def _of_client(self, hold_id: UUID, client_id: str) -> AsyncIterator[tuple[Connection, Hold]]:
        """The client's hold, with its stone locked."""
        found = await self._find(hold_id, client_id)
        async with self._locked(found.diamond_id) as connection:
            hold = await repository.hold(connection, hold_id)
            assert hold is not None  # noqa: S101 - holds are never deleted
            yield connection, hold

    @asynccontextmanager
    async def _locked(self, diamond_id: UUID, client_id: str | None = None) -> AsyncIterator[Connection]:
        async with hold_transitions.locked(self._database, diamond_id, client_id) as connection:
            yield connection

    def _needed(self) -> SupplierTrading:
        if self._supplier is None:
            raise TradingUnavailable
        return self._supplier


def held(hold: Hold) -> AlreadyHeld:
    """The error for other clients: when the hold ends, not whose it is."""
    return AlreadyHeld(f"Another client holds the diamond until {hold.until:%Y-%m-%d %H:%M} UTC.", until=hold.until)


def no_diamond() -> NotFound:
    """There is no such stone for sale."""
    return NotFound("There is no diamond with this id.")


def _over(hold: Hold) -> HoldOver:
    return HoldOver(f"The hold is {hold.state}.", state=hold.state)
