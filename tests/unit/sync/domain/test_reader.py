"""A reader misses no stone that stays, whatever the others do."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.errors import FeedRestless
from sync.domain.reader import Checkpoint, Mark, Reader
from tests.unit.sync.domain.drifting import Feed, band, counted, passing, read

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
