"""Page plans of one version of the search index: clients repeat searches, and their positions change with the data only."""

from cachetools import LRUCache
from msgspec import msgpack

from inventory.catalog.index.table import PagePlan
from inventory.catalog.search import DiamondCriteria, PageOffset, PageWindow, SortOrder

# A plan of 100 positions takes about 20 kB.
_MAX_PLANS = 200
# Size of an encoded search in bytes. Clients may list many values.
_MAX_KEY_BYTES = 2000

_encode = msgpack.Encoder().encode


class PagePlans:
    """Plans by search. `changes`: number of times that they were cleared."""

    def __init__(self) -> None:
        self._plans: LRUCache[bytes, PagePlan] = LRUCache(_MAX_PLANS)
        self.changes = 0

    @staticmethod
    def key(criteria: DiamondCriteria, order: SortOrder, stretch: PageWindow | PageOffset) -> bytes:
        """Return the key of a search: its encoding, because criteria hold lists."""
        return _encode((criteria, order, stretch))

    def get(self, key: bytes) -> PagePlan | None:
        """Return the plan of a search, or None."""
        return self._plans.get(key)

    def put(self, key: bytes, plan: PagePlan) -> None:
        """Keep the plan of a search."""
        if len(key) <= _MAX_KEY_BYTES:
            self._plans[key] = plan

    def clear(self) -> None:
        """Remove all plans: the index has changed."""
        self._plans.clear()
        self.changes += 1
