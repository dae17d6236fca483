"""Polling for a result: short intervals at first, then longer ones, up to a time limit."""

import asyncio

import pytest

from inventory.trading.polling import PollingBackoff


async def test_intervals_grow_up_to_limit_and_stop_at_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        nonlocal now
        pauses.append(round(seconds, 3))
        now += seconds

    monkeypatch.setattr(asyncio, "sleep", sleep)
    backoff = PollingBackoff(2.0, monotonic=lambda: now)
    while not backoff.expired:
        await backoff.pause()
    assert pauses == [0.05, 0.1, 0.2, 0.4, 0.5, 0.5, 0.25]
    assert now == pytest.approx(102.0)
