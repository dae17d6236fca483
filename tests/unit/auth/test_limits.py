"""Budgets in one process: how much passes, when it passes again, and how much is remembered."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.auth import limits
from app.auth.limits import LocalBuckets, RateLimitDecision, RequestLimit
from inventory.core.errors import RateLimited


class Time:
    def __init__(self) -> None:
        self.now = 1000.0

    def ticks(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def buckets(time: Time) -> LocalBuckets:
    return LocalBuckets(time.ticks)


def test_a_quiet_caller_may_ask_a_minutes_worth_at_once(buckets: LocalBuckets) -> None:
    budget = RequestLimit("reads", 5)
    decisions = [buckets.ask("a", budget, counts=True) for _ in range(7)]
    assert [decision.passes for decision in decisions] == [True] * 5 + [False] * 2
    assert [decision.remaining for decision in decisions] == [4, 3, 2, 1, 0, 0, 0]
    assert buckets.ask("b", budget, counts=True).passes


def test_who_waits_as_long_as_told_may_ask_again(buckets: LocalBuckets, time: Time) -> None:
    budget = RequestLimit("reads", 6)
    while (decision := buckets.ask("a", budget, counts=True)).passes:
        pass
    assert (decision.retry_after, decision.reset) == (10, 60)
    time.now += 9
    assert not buckets.ask("a", budget, counts=True).passes
    time.now += 1
    assert buckets.ask("a", budget, counts=True).passes
    assert not buckets.ask("a", budget, counts=True).passes


def test_asking_without_counting_changes_nothing(buckets: LocalBuckets) -> None:
    budget = RequestLimit("failures", 1)
    assert [buckets.ask("a", budget, counts=False).passes for _ in range(5)] == [True] * 5
    assert buckets.ask("a", budget, counts=True).passes
    assert not buckets.ask("a", budget, counts=False).passes


def test_the_memory_of_callers_is_bounded(buckets: LocalBuckets, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_MOST_LOCAL", 3)
    for number in range(10):
        buckets.ask(f"caller {number}", RequestLimit("reads", 5), counts=True)
    assert list(buckets._full) == ["caller 7", "caller 8", "caller 9"]


@given(st.integers(1, 50), st.lists(st.floats(0, 30), max_size=200))
def test_no_minute_sees_more_than_twice_the_budget(per_minute: int, pauses: list[float]) -> None:
    time = Time()
    buckets = LocalBuckets(time.ticks)
    passed = []
    for pause in pauses:
        time.now += pause
        if buckets.ask("a", RequestLimit("reads", per_minute), counts=True).passes:
            passed.append(time.now)
    for start in passed:
        assert sum(start <= instant < start + 60 for instant in passed) <= 2 * per_minute
    assert all(earlier <= later for earlier, later in pairwise(passed))


def test_a_refusal_says_when_to_come_back() -> None:
    decision = RateLimitDecision.of(RequestLimit("reads", 60), False, 0, 1_200_000, 60_000_000)
    assert decision.headers == {
        "RateLimit-Limit": "60",
        "RateLimit-Remaining": "0",
        "RateLimit-Reset": "60",
        "Retry-After": "2",
    }
    with pytest.raises(RateLimited, match="in 2 s"):
        decision.check()
