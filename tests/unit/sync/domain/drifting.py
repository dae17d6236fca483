"""Feeds that drift: stones come, go and change price between two pages, and some stay."""

from bisect import insort
from itertools import count
from random import Random

from sync.domain.partition import Band
from sync.domain.reader import Checkpoint, Mark, Reader


def order(mark: Mark) -> tuple[bool, int, str]:
    """By price, unpriced last, ties by id."""
    return mark[1] is None, mark[1] or 0, mark[0]


class Feed:
    """Stones in order of price, some of which come, go and change price between two pages."""

    def __init__(self, seed: int, stones: int, prices: list[int | None]) -> None:
        self.random = Random(seed)
        self.prices = prices
        self.new_ids = count()
        self.steady = sorted(((f"steady-{self._id()}", self._price()) for _ in range(stones)), key=order)
        self.marks = list(self.steady)

    def _id(self) -> str:
        return f"{self.random.randrange(10**6):06}-{next(self.new_ids)}"

    def _price(self) -> int | None:
        return self.random.choice(self.prices)

    def page(self, offset: int, limit: int) -> list[Mark]:
        return self.marks[offset : offset + limit]

    def add(self, price: int | None) -> None:
        insort(self.marks, (f"passing-{self._id()}", price), key=order)

    def drift(self, changes: int) -> None:
        for _ in range(changes):
            passing = [mark for mark in self.marks if mark[0].startswith("passing")]
            if not passing or self.random.random() < 0.45:
                self.add(self._price())
                continue
            gone = self.random.choice(passing)
            self.marks.remove(gone)
            if self.random.random() < 0.3:
                insort(self.marks, (gone[0], self._price()), key=order)

    def clear(self, *, before: int) -> None:
        """Everything that does not stay and stands before an offset sells at once."""
        kept = [mark for mark in self.marks[:before] if mark[0].startswith("steady")]
        self.marks[:before] = kept


def band(*, planned: int, first_offset: int = 0) -> Band:
    return Band(
        ordinal=0,
        kind="outside" if first_offset else "band",
        price_from=None,
        price_to=None,
        planned=planned,
        first_offset=first_offset,
    )


def passing(feed: Feed, stones: int) -> None:
    for _ in range(stones):
        feed.add(feed._price())


def counted(at: Checkpoint, page: list[Mark]) -> list[Mark]:
    """What a page that led to this checkpoint has delivered: nothing where the reader had to step back behind it."""
    return [] if at.back else page


def read(feed: Feed, reader: Reader, limit: int, changes: list[int] | None = None) -> tuple[list[Mark], Checkpoint]:
    """All that is delivered while the feed changes so much after each page."""
    delivered: list[Mark] = []
    at = reader.start()
    left = iter(changes or [])
    while not at.finished:
        page = feed.page(at.next_offset, limit)
        at = reader.read(at, page)
        delivered += counted(at, page)
        feed.drift(next(left, 0))
    return delivered, at
