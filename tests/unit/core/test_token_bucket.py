"""Token buckets in one process: how much is available, when it is available again, and how many keys are kept."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.core import token_bucket
from inventory.core.token_bucket import BucketAnswer, BucketSize, LocalTokenBuckets


class Time:
    def __init__(self) -> None:
        self.now = 1000.0

    def ticks(self) -> float:
        return self.now


def per_minute(requests: int) -> BucketSize:
    return BucketSize.of(requests, requests / 60)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def buckets(time: Time) -> LocalTokenBuckets:
    return LocalTokenBuckets(time.ticks)


def test_full_bucket_allows_capacity_at_once(buckets: LocalTokenBuckets) -> None:
    answers = [buckets.take("a", per_minute(5)) for _ in range(7)]
    assert [answer.available for answer in answers] == [True] * 5 + [False] * 2
    assert [answer.left for answer in answers] == [4, 3, 2, 1, 0, 0, 0]
    assert buckets.take("b", per_minute(5)).available


def test_token_is_available_after_reported_wait(buckets: LocalTokenBuckets, time: Time) -> None:
    while (answer := buckets.take("a", per_minute(6))).available:
        pass
    assert (answer.wait, answer.full) == (10_000_000, 60_000_000)
    time.now += 9
    assert not buckets.take("a", per_minute(6)).available
    time.now += 1
    assert buckets.take("a", per_minute(6)).available
    assert not buckets.take("a", per_minute(6)).available


def test_peek_takes_nothing(buckets: LocalTokenBuckets) -> None:
    bucket = per_minute(1)
    assert [buckets.take("a", bucket, peek=True).available for _ in range(5)] == [True] * 5
    assert buckets.take("a", bucket).available
    assert not buckets.take("a", bucket, peek=True).available


def test_cost_is_taken_whole_or_not_at_all(buckets: LocalTokenBuckets) -> None:
    bucket = BucketSize.of(100, 10)
    assert buckets.take("a", bucket, 70) == BucketAnswer(True, 30, 0, 7_000_000)
    assert buckets.take("a", bucket, 40) == BucketAnswer(False, 30, 1_000_000, 7_000_000)
    assert buckets.take("a", bucket, -50) == BucketAnswer(True, 80, 0, 2_000_000)
    assert buckets.take("a", bucket, -50) == BucketAnswer(True, 100, 0, 0), "a bucket holds at most its capacity"


def test_number_of_keys_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_bucket, "_MAX_LOCAL", 3)
    buckets = LocalTokenBuckets()
    for number in range(10):
        buckets.take(f"caller {number}", per_minute(5))
    assert sorted(buckets._full) == ["caller 7", "caller 8", "caller 9"]


@given(st.integers(1, 50), st.lists(st.floats(0, 30), max_size=200))
def test_no_minute_sees_more_than_twice_limit(requests: int, pauses: list[float]) -> None:
    time = Time()
    buckets = LocalTokenBuckets(time.ticks)
    passed = []
    for pause in pauses:
        time.now += pause
        if buckets.take("a", per_minute(requests)).available:
            passed.append(time.now)
    for start in passed:
        assert sum(start <= instant < start + 60 for instant in passed) <= 2 * requests
    assert all(earlier <= later for earlier, later in pairwise(passed))
