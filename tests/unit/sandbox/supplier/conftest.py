"""Manual clock and small inventories."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from sandbox.supplier.inventory import Inventory


class StoppedClock:
    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


@pytest.fixture
def make_inventory(clock: StoppedClock) -> Callable[..., Inventory]:
    """Create an inventory on the manual clock. By default, its diamonds have valid values and follow the density."""

    def make(count: int, *, seed: int = 1, spread_of: str = "density", bad_data_share: float = 0.0) -> Inventory:
        assert spread_of in {"real", "density"}
        return Inventory(
            count=count,
            seed=seed,
            spread_of="real" if spread_of == "real" else "density",
            bad_data_share=bad_data_share,
            clock=clock,
        )

    return make
