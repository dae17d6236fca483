"""A reader misses no stone that stays, whatever the others do."""

from bisect import insort
from itertools import count
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.errors import FeedRestless
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


PRICES = st.sampled_from(
    [
        list(range(100, 9_000)),
        list(range(100, 140)),
        [100, 100, 100, 200, None],
        [500],
        [None],
        [*range(1, 60), None, None],
    ]
)


@settings(max_examples=400)
@given(
    seed=st.integers(0, 10**6),
    stones=st.integers(0, 120),
    others=st.integers(0, 80),
    prices=PRICES,
    limit=st.integers(3, 12),
    overlap=st.integers(1, 3),
    changes=st.lists(st.integers(0, 12), max_size=60),
)
def test_no_stone_that_stays_is_missed_while_the_feed_drifts(
    seed: int, stones: int, others: int, prices: list[int | None], limit: int, overlap: int, changes: list[int]
) -> None:
    feed = Feed(seed, stones, list(prices))
    passing(feed, others)
    reader = Reader(band(planned=4_000), limit=limit, overlap=min(overlap, limit - 1))

    delivered, _ = read(feed, reader, limit, changes)

    assert set(feed.steady) <= set(delivered)


@settings(max_examples=200)
@given(seed=st.integers(0, 10**6), prices=PRICES, sales=st.lists(st.integers(0, 60), min_size=1, max_size=8))
def test_no_stone_that_stays_is_missed_when_many_before_it_sell_at_once(
    seed: int, prices: list[int | None], sales: list[int]
) -> None:
    feed = Feed(seed, 80, list(prices))
    passing(feed, 80)
    reader = Reader(band(planned=2_000), limit=10)
    at = reader.start()
    delivered: set[Mark] = set()
    pending = iter(sales)
    while not at.finished:
        page = feed.page(at.next_offset, 10)
        at = reader.read(at, page)
        delivered |= {*counted(at, page)}
        feed.clear(before=next(pending, 0))

    assert set(feed.steady) <= delivered


@given(
    seed=st.integers(0, 10**6), priced=st.integers(0, 150), unpriced=st.integers(0, 60), early=st.integers(-200, 200)
)
def test_every_unpriced_stone_is_read_wherever_the_partition_of_them_begins(
    seed: int, priced: int, unpriced: int, early: int
) -> None:
    feed = Feed(seed, priced, list(range(100, 300)))
    for _ in range(unpriced):
        feed.add(None)
    reader = Reader(band(planned=unpriced, first_offset=max(0, priced + early)), limit=10)

    delivered, _ = read(feed, reader, 10)

    assert {mark for mark in feed.marks if mark[1] is None} <= set(delivered)


class TiesFeed(Feed):
    """Breaks the ties of a price otherwise for every page."""

    def page(self, offset: int, limit: int) -> list[Mark]:
        self.marks.sort(key=lambda mark: (mark[1] or 0, self.random.random()))
        return super().page(offset, limit)


@settings(max_examples=400)
@given(seed=st.integers(0, 10**6), groups=st.lists(st.integers(1, 9), max_size=40), overlap=st.integers(1, 3))
def test_ties_may_stand_in_another_order_on_every_page_where_a_price_fits_on_one(
    seed: int, groups: list[int], overlap: int
) -> None:
    feed = TiesFeed(seed, 0, [])
    for cents, stones in enumerate(groups, start=100):
        for _ in range(stones):
            feed.add(cents)
    reader = Reader(band(planned=len(feed.marks)), limit=10, overlap=overlap)

    delivered, at = read(feed, reader, 10)

    assert set(delivered) == set(feed.marks)
    assert at.pages <= 2 * (len(feed.marks) // (10 - overlap) + 1)


@given(stones=st.integers(0, 400), limit=st.integers(2, 60))
def test_a_feed_at_rest_is_delivered_in_order_and_in_as_few_pages_as_overlaps_allow(stones: int, limit: int) -> None:
    feed = Feed(1, stones, list(range(100, 5_000)))
    overlap = min(3, limit - 1)

    delivered, at = read(feed, Reader(band(planned=stones), limit=limit, overlap=overlap), limit)

    assert list(dict.fromkeys(delivered)) == feed.marks
    assert at.pages == max(0, stones - overlap) // (limit - overlap) + 1


@given(seed=st.integers(0, 10**6), changes=st.lists(st.integers(0, 12), max_size=40), stop=st.integers(0, 30))
def test_a_reader_that_starts_again_from_its_stored_checkpoint_goes_on_as_if_nothing_had_happened(
    seed: int, changes: list[int], stop: int
) -> None:
    def run(stopping: int | None) -> tuple[list[Mark], list[Mark]]:
        feed = Feed(seed, 60, list(range(100, 200)))
        passing(feed, 40)
        at = Reader(band(planned=900), limit=10).start()
        delivered: list[Mark] = []
        left = iter(changes)
        while not at.finished:
            if at.pages == stopping:
                at = msgspec.json.decode(msgspec.json.encode(at), type=Checkpoint)
            page = feed.page(at.next_offset, 10)
            at = Reader(band(planned=900), limit=10).read(at, page)
            delivered += counted(at, page)
            feed.drift(next(left, 0))
        return delivered, feed.steady

    assert run(stop) == run(None)


# One page at a time


def marks(first: int, end: int) -> list[Mark]:
    """Stones whose ids are their prices."""
    return [(str(cents), cents) for cents in range(first, end)]


def after(page: list[Mark], offset: int) -> Checkpoint:
    """What a reader of ten that came to this page goes on from."""
    at = Checkpoint(next_offset=offset, anchors=(page[0],), floor_cents=page[0][1])
    return Reader(band(planned=900), limit=10).read(at, page)


def test_the_next_page_begins_with_the_last_stones_of_this_one() -> None:
    at = after(marks(100, 110), 40)

    assert at.next_offset == 47
    assert at.anchors == (("107", 107), ("108", 108), ("109", 109))
    assert not at.finished


def test_a_page_that_starts_too_late_is_not_delivered() -> None:
    at = after(marks(100, 110), 40)

    step = Reader(band(planned=900), limit=10).read(at, marks(111, 121))

    assert step.next_offset == 42
    assert step.anchors == at.anchors


def test_steps_back_grow_until_the_beginning() -> None:
    reader = Reader(band(planned=900), limit=10)
    at = after(marks(100, 110), 93)
    offsets = []
    while at.next_offset:
        at = reader.read(at, marks(200, 210))
        offsets.append(at.next_offset)

    assert offsets == [95, 85, 65, 25, 0]
    assert reader.read(at, marks(200, 210)).next_offset == 7


def test_an_anchor_at_another_price_is_none() -> None:
    at = after(marks(100, 110), 40)
    page: list[Mark] = [("107", 111), ("108", 112), ("109", 113), *marks(114, 121)]

    assert Reader(band(planned=900), limit=10).read(at, page).next_offset == 42


def test_one_anchor_is_enough() -> None:
    at = after(marks(100, 110), 40)
    page: list[Mark] = [("107", 107), ("new", 108), ("109", 109), *marks(110, 117)]

    step = Reader(band(planned=900), limit=10).read(at, page)

    assert step.next_offset == 54


def test_a_cheaper_stone_proves_the_page_when_all_anchors_are_gone() -> None:
    at = after(marks(100, 110), 40)
    page = [*marks(104, 107), *marks(110, 117)]

    step = Reader(band(planned=900), limit=10).read(at, page)

    assert step.next_offset == 54


def test_a_stone_as_dear_as_the_last_one_proves_nothing() -> None:
    at = after([(f"a{place}", 100) for place in range(10)], 40)

    step = Reader(band(planned=900), limit=10).read(at, [(f"b{place}", 100) for place in range(10)])

    assert step.back


def test_a_page_out_of_order_ends_the_trust_in_prices_for_good() -> None:
    reader = Reader(band(planned=900), limit=10)
    at = after(marks(100, 110), 40)

    at = reader.read(at, [*marks(90, 99), ("x", 50)])
    step = reader.read(at, [*marks(104, 107), *marks(110, 117)])

    assert at.ordered is False
    assert step.back


def test_an_unreadable_price_is_no_stone_without_a_price() -> None:
    """Three anchors whose prices could not be read must not make every priced stone look cheaper than they are."""
    page: list[Mark] = [*marks(100, 107), ("x", None), ("y", None), ("z", None)]
    at = after(page, 40)

    assert Reader(band(planned=900), limit=10).read(at, marks(112, 122)).back


def test_the_floor_is_remembered_past_pages_without_prices() -> None:
    at = after(marks(100, 110), 40)
    unpriced: list[Mark] = [(f"u{place}", None) for place in range(30)]
    reader = Reader(band(planned=900), limit=10)

    at = reader.read(at, [*at.anchors, *unpriced[:7]])
    at = reader.read(at, unpriced[4:14])
    step = reader.read(at, [("104", 104), *unpriced[20:29]])

    assert at.floor_cents == 109
    assert not step.back


def test_anchors_pushed_far_behind_are_reached_by_going_forward() -> None:
    at = after(marks(100, 110), 40)

    step = Reader(band(planned=900), limit=10).read(at, marks(60, 70))

    assert step.next_offset == 54
    assert step.anchors == at.anchors


@pytest.mark.parametrize("page", [[], marks(200, 204)])
def test_a_short_page_that_does_not_adjoin_is_not_the_end(page: list[Mark]) -> None:
    step = Reader(band(planned=900), limit=10).read(after(marks(100, 110), 40), page)

    assert not step.finished
    assert step.next_offset < 47


def test_a_short_page_that_adjoins_is_the_end() -> None:
    step = Reader(band(planned=900), limit=10).read(after(marks(100, 110), 40), marks(107, 111))

    assert step.finished


def test_unpriced_stones_alone_do_not_prove_that_they_are_the_first() -> None:
    reader = Reader(band(planned=20, first_offset=300), limit=10)
    page: list[Mark] = [(str(place), None) for place in range(10)]

    step = reader.read(reader.start(), page)

    assert step.next_offset == 295


def test_a_feed_that_outruns_its_reader_is_given_up() -> None:
    feed = Feed(1, 30, list(range(1_000, 2_000)))
    reader = Reader(band(planned=30), limit=10)
    at = reader.start()

    def chase() -> None:
        nonlocal at
        while not at.finished:
            at = reader.read(at, feed.page(at.next_offset, 10))
            for _ in range(10):
                feed.add(1)

    with pytest.raises(FeedRestless, match="70 pages"):
        chase()


@pytest.mark.parametrize(("limit", "overlap"), [(10, 0), (10, 10), (1, 1)])
def test_pages_overlap_in_part(limit: int, overlap: int) -> None:
    with pytest.raises(ValueError, match="overlaps"):
        Reader(band(planned=1), limit=limit, overlap=overlap)
