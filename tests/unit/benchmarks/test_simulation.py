"""The simulation of a run: against closed formulas where there are some."""

import pytest

from benchmarks.simulation import Model, simulate

SMALL = Model(stones=50_000, workers=4, cores=2)


def test_rate_limit_determines_duration_of_fast_installation() -> None:
    found = simulate(SMALL)
    assert found.first_limit == "rate limit"
    assert found.read_minutes * 60 == pytest.approx(1000 / 25, rel=0.02)
    assert found.rate_limit_use == pytest.approx(1.0, abs=0.02)


def test_feeds_are_read_at_same_time() -> None:
    one = simulate(SMALL)
    four = simulate(Model(stones=200_000, feeds=4, workers=16, cores=2))
    assert four.read_minutes == pytest.approx(one.read_minutes, rel=0.05)


def test_postgres_is_limit_without_rate_limit() -> None:
    found = simulate(Model(stones=50_000, workers=50, cores=1, calls_per_second=1e9))
    assert found.first_limit == "Postgres"
    assert found.read_minutes * 60 == pytest.approx(50_000 * 87e-6 + 0.4, rel=0.05)
    assert found.postgres_wait_p99_ms > 100


def test_workers_are_limit_when_there_are_few() -> None:
    found = simulate(Model(stones=50_000, workers=1, slots=200, cores=8, calls_per_second=1e9))
    assert found.first_limit == "workers"
    assert found.read_minutes * 60 == pytest.approx(50_000 * 116e-6 + 0.4, rel=0.05)


def test_consolidators_share_feeds() -> None:
    model = Model(stones=400_000, feeds=4, workers=16, cores=4)
    alone = simulate(model).consolidate_minutes
    four = simulate(Model(stones=400_000, feeds=4, workers=16, cores=4, consolidators=4)).consolidate_minutes
    assert alone * 60 == pytest.approx(400_000 * 44e-6, rel=0.1)
    assert four == pytest.approx(alone / 4, rel=0.1)
