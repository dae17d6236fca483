"""Completeness proof of a pass: compare its listings with the supplier's count, and repair the difference."""

from collections.abc import Sequence

import msgspec

from sync.planning.additional_reads import AdditionalReads
from sync.planning.partition_state import PartitionState
from sync.planning.range_queries import RepairFailed
from sync.planning.reader import ReadPosition
from sync.planning.requests import Steps, count_listings

# Rounds of counting, reading changed listings, and repairing.
_ROUNDS = 4


class PassProof:
    """Proves the passes of a partition, one at a time."""

    def __init__(self, state: PartitionState) -> None:
        self._state = state
        self._reads = AdditionalReads(state)

    def prove(self, number: int) -> Steps[None]:
        """Prove one pass.

        Raises:
            FeedIncomplete: the pass cannot be proven.
        """
        state = self._state
        reading, known = state.checkpoint.passes[number], state.known[number]
        at = reading.position
        verified = not at.disorder and not at.suspect_prices
        if known.doubly_offered and not state.outside:
            yield from state.repair_of(number).learn_unit()
        if known.matches(reading.counted) and verified:
            return
        part = state.query_of_pass(number)
        last = reading.counted
        for _ in range(_ROUNDS):
            counted, _end = yield from state.count_of_pass(part)
            if not (yield from state.feed_moves()):
                if (yield from self._prove_at_rest(number, last, counted)):
                    return
            elif not verified:
                yield from self._verify(number, at)
                verified = True
            elif not known.missing(counted):
                return
            else:
                still_missing, tolerated = yield from self._reads.changed(number)
                if still_missing <= tolerated:
                    return
                yield from self._repair(number, counted, ())
            last = counted
        state.fail(number, last)

    def _prove_at_rest(self, number: int, last: int, counted: int) -> Steps[bool]:
        """Run one round for a feed without known changes. `last`: the count before. True if the pass is proven.

        Raises:
            FeedIncomplete: the counts contradict each other, or the repair finds nothing.
        """
        state = self._state
        reading, known = state.checkpoint.passes[number], state.known[number]
        if known.matches(counted) and counted == last:
            return (yield from self._agrees_in_parts(number, counted))
        if (yield from self._reads.recent(number)):
            state.moved = True
            return False
        if counted > last:
            state.fail(number, counted, f"it counted {last} before, and nothing has changed")
        if counted < last:
            # Stones can leave without a trace among the changes. A count that is wrong does not stay the same.
            again, _ = yield from state.count_of_pass(state.query_of_pass(number))
            if again > counted:
                state.fail(number, again, f"it counted {counted} before, and nothing has changed")
            counted = again
        if known.matches(counted):
            return (yield from self._agrees_in_parts(number, counted))
        found = yield from self._repair(number, counted, reading.position.suspect_prices)
        if not known.matches(counted) and not found:
            state.fail(number, counted)
        return known.matches(counted)

    def _agrees_in_parts(self, number: int, counted: int) -> Steps[bool]:
        """Verify parts of a pass whose pages contradicted each other, although the count agrees. True if it is proven.

        The counts of parts are compared with the known prices. Where they differ, perhaps because a price cannot be read,
        every part is proven by its page.

        Raises:
            FeedIncomplete: a part cannot be proven.
        """
        state = self._state
        at, repair = state.checkpoint.passes[number].position, state.repair_of(number)
        if state.outside or not (at.disorder or at.suspect_prices) or repair.proven:
            return True
        before = repair.changes
        try:
            if state.known[number].unidentified and not at.disorder:
                yield from repair.verify_prices(at.suspect_prices)
                return repair.changes == before
            # An item without an id that was shown twice hides a listing that was not shown, also from a count.
            if not state.known[number].unidentified and (yield from repair.spot_check()):
                return True
            yield from repair.verify_all()
        except RepairFailed as failure:
            state.fail(number, counted, str(failure))
        return repair.changes == before

    def _repair(self, number: int, counted: int, suspect_prices: Sequence[int]) -> Steps[bool]:
        """Repair the difference between a pass and its count. True if the repair found anything.

        Raises:
            FeedIncomplete: a part of the pass cannot be proven.
        """
        state = self._state
        known, repair = state.known[number], state.repair_of(number)
        before, changed = repair.changes, False
        repair.moving = state.moved
        try:
            priced = counted - known.unpriced
            if state.outside or state.unfiltered:
                priced = yield from count_listings(msgspec.structs.replace(state.query_of_pass(number), price_from=0))
            if not state.outside:
                yield from repair.reconcile(priced + known.unpriced, suspect_prices)
            if state.outside or (state.unfiltered and counted - priced != known.unpriced):
                changed = yield from self._reads.unpriced(number)
        except RepairFailed as failure:
            state.fail(number, counted, str(failure))
        if repair.proven:
            known.trim_unidentified(counted)
        return changed or repair.changes > before

    def _verify(self, number: int, at: ReadPosition) -> Steps[None]:
        """Prove the parts that the anchors do not prove: all parts after disorder, else single prices.

        Raises:
            FeedIncomplete: a part of the pass cannot be proven.
        """
        state = self._state
        repair = state.repair_of(number)
        repair.moving = state.moved
        try:
            if at.disorder and not state.outside:
                yield from repair.verify_all()
            elif not state.outside:
                yield from repair.verify_prices(at.suspect_prices)
            if at.disorder and (state.outside or state.unfiltered):
                yield from self._reads.unpriced(number)
        except RepairFailed as failure:
            state.fail(number, state.checkpoint.passes[number].counted, str(failure))
