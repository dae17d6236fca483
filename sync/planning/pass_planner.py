"""Passes of a partition: one for each origin, divided by the cross filter where offsets do not reach the end."""

from inventory.core.errors import FeedIncomplete
from sync.planning.checkpoint import QueryPass
from sync.planning.partition import LARGEST_OFFSET
from sync.planning.partition_state import UNPRICED_MARGIN, PartitionState
from sync.planning.ranges import LARGEST_DOLLARS, geometric_middle
from sync.planning.reader import ReadPosition
from sync.planning.requests import Steps

# Slices of the unpriced listings of a large feed.
_MAX_SLICES = 200


class PassPlanner:
    """Plans the passes of a partition from counts."""

    def __init__(self, state: PartitionState) -> None:
        self._state = state

    def plan(self) -> Steps[None]:
        """Count the listings of each pass and store the passes in the checkpoint.

        Raises:
            FeedIncomplete: one value of the cross filter holds too many listings.
        """
        whole = yield from self._counted(None)
        if not self._state.by_origin:
            passes = yield from self._slices(whole)
        else:
            natural, grown = (yield from self._counted(False)), (yield from self._counted(True))
            if natural.counted + grown.counted != whole.counted:
                # Perhaps the feed has moved between the counts.
                whole = yield from self._counted(None)
                natural, grown = (yield from self._counted(False)), (yield from self._counted(True))
            origins = [reading for reading in (natural, grown) if reading.counted]
            if natural.counted + grown.counted < whole.counted:
                # Stones of neither origin are found by reading the band without a filter.
                origins.append(whole)
            passes = []
            for reading in origins:
                passes += yield from self._slices(reading)
        self._state.save(phase="reading", total=whole.counted, passes=tuple(passes))

    def _counted(self, lab_grown: bool | None, cross: tuple[int, int] | None = None) -> Steps[QueryPass]:
        counted, end = yield from self._state.count_of_pass(self._state.sub_query(lab_grown, cross))
        start = max(0, end - counted - UNPRICED_MARGIN) if self._state.outside else 0
        position = ReadPosition(next_offset=start)
        return QueryPass(lab_grown=lab_grown, cross=cross, counted=counted, end=end, position=position)

    def _slices(self, reading: QueryPass) -> Steps[list[QueryPass]]:
        """Divide a pass over unpriced listings by the cross filter if the supplier rejects its last offsets.

        Listings in no slice are missing from the total of the partition, which fails its proof.

        Raises:
            FeedIncomplete: one value of the cross filter holds too many listings.
        """
        if not self._state.outside or reading.end <= LARGEST_OFFSET:
            return [reading]
        slices: list[QueryPass] = []
        unseen = [(0, LARGEST_DOLLARS)]
        while unseen:
            low, high = unseen.pop()
            sliced = yield from self._counted(reading.lab_grown, (low, high))
            if not sliced.counted:
                continue
            if sliced.end <= LARGEST_OFFSET:
                slices.append(sliced)
            elif high - low > 1 and len(slices) + len(unseen) < _MAX_SLICES:
                middle = geometric_middle(low, high)
                unseen += [(middle, high), (low, middle)]
            else:
                raise FeedIncomplete(
                    f"{self._state.description}: {sliced.end} stones cannot be divided, and the supplier accepts no offset "
                    f"above {LARGEST_OFFSET}",
                    details={"counted": reading.counted, "read": 0, "missing": reading.counted},
                )
        return slices
