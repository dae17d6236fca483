"""Model-based test of trading: random operations on a few stones, compared with a one-page model."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar
from uuid import UUID

import hypothesis
import msgspec
import pytest
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from inventory.catalog.search import DiamondCriteria
from inventory.core.settings import Settings
from inventory.trading.errors import (
    AlreadyHeld,
    HoldNotExtendable,
    HoldOver,
    NotAvailable,
    PriceChanged,
    TradingConflict,
)
from inventory.trading.states import HoldState, PurchaseState
from tests.integration.trading.trading_site import PRICE, TradingSite, age_trades

T = TypeVar("T")

CLIENTS = ("acme", "globex", "initech")
PER_EXAMPLE = 2
LONGEST = 24 * 60
# No sum of steps equals the duration of a hold, so that the test's own milliseconds decide nothing.
STEP = 37


class ModelHold(msgspec.Struct):
    """A hold of the model. Instants are minutes of the model's clock."""

    id: UUID
    client: str
    price: int
    asked_at: int
    ends_at: int


class ModelStone(msgspec.Struct):
    """A stone of the model. `word`: state at the last sync; `mirror`: whether that state was an own hold."""

    number: int
    price: int = PRICE
    word: str = "available"
    mirror: bool = False
    sold_elsewhere: bool = False
    bought: bool = False
    held: ModelHold | None = None
    over: list[tuple[UUID, HoldState]] = msgspec.field(default_factory=list)


class TradingMachine(RuleBasedStateMachine):
    """The state machine. It runs in a thread, and its operations run in the test's loop."""

    site: TradingSite
    loop: asyncio.AbstractEventLoop
    numbers: Any

    stone = st.integers(0, PER_EXAMPLE - 1)
    client = st.sampled_from(CLIENTS)
    minutes = st.sampled_from([60, 180, LONGEST])

    @initialize()
    def open(self) -> None:
        self.clock = 0
        self.stones = [ModelStone(next(self.numbers)) for _ in range(PER_EXAMPLE)]
        self.bought_under: list[tuple[str, str, ModelStone, dict[str, Any], Any]] = []

    # Operations of clients

    @rule(at=stone, client=client, minutes=minutes)
    def hold(self, at: int, client: str, minutes: int) -> None:
        stone = self.stones[at]
        held, refused = self.attempt(self.site.hold(stone.number, client, minutes))
        present = self.open_hold(stone)
        if present and present.client != client:
            assert isinstance(refused, AlreadyHeld)
        elif present:
            assert held
            assert (held.id, held.state) == (present.id, HoldState.ACTIVE)
        elif self.combined(stone) != "available":
            assert isinstance(refused, NotAvailable)
            assert refused.details["availability"] == self.combined(stone)
        elif stone.sold_elsewhere:
            assert held
            assert held.state is HoldState.DENIED
        else:
            assert held
            assert (held.state, held.client_id, held.price_cents) == (HoldState.ACTIVE, client, stone.price)
            stone.held = ModelHold(held.id, client, stone.price, self.clock, self.clock + minutes)

    @rule(at=stone, client=client, minutes=minutes)
    def extend(self, at: int, client: str, minutes: int) -> None:
        stone = self.stones[at]
        if stone.held is None or stone.held.client != client:
            return
        extended, refused = self.attempt(self.site.trading.holds.extend(stone.held.id, client, minutes))
        present, limit = self.open_hold(stone), stone.held.asked_at + LONGEST
        if present is None:
            assert isinstance(refused, HoldOver)
        elif present.ends_at >= limit:
            assert isinstance(refused, HoldNotExtendable)
        else:
            assert extended
            present.ends_at = max(present.ends_at, min(limit, self.clock + minutes))

    @rule(at=stone, client=client)
    def release(self, at: int, client: str) -> None:
        stone = self.stones[at]
        if stone.held is None or stone.held.client != client:
            return
        released, _ = self.attempt(self.site.trading.holds.release(stone.held.id, client))
        self.do(self.site.trading.holds._background_tasks.close())
        assert released
        assert released.state is (HoldState.RELEASED if self.open_hold(stone) else HoldState.EXPIRED)
        self.close(stone, released.state)

    @rule(at=stone, client=client, named=st.sampled_from(["nothing", "list", "guaranteed", "another"]))
    def buy(self, at: int, client: str, named: str) -> None:
        stone = self.stones[at]
        present = self.open_hold(stone)
        own = present if present and present.client == client else None
        guaranteed = own.price if own else stone.price
        prices = {"nothing": None, "list": stone.price, "guaranteed": guaranteed, "another": 7}
        terms = {"expected_price_cents": prices[named]}
        key = f"{stone.number} {self.clock} {len(self.bought_under)}"
        bought, refused = self.attempt(self.site.buy(stone.number, client, key, **terms))
        if present and not own:
            assert isinstance(refused, AlreadyHeld)
        elif stone.bought or (own is None and self.combined(stone) != "available"):
            assert isinstance(refused, NotAvailable)
        elif named == "another":
            assert isinstance(refused, PriceChanged)
        else:
            assert bought
            assert bought.price_cents == (prices[named] or guaranteed)
            sold = not stone.sold_elsewhere
            assert bought.state is (PurchaseState.ORDERED if sold else PurchaseState.FAILED)
            stone.bought = sold
            if sold and own:
                self.close(stone, HoldState.PURCHASED)
            self.bought_under.append((client, key, stone, terms, bought))

    @precondition(lambda self: self.bought_under)
    @rule(data=st.data())
    def buy_again(self, data: st.DataObject) -> None:
        client, key, stone, terms, first = data.draw(st.sampled_from(self.bought_under), "purchase")
        again, _ = self.attempt(self.site.buy(stone.number, client, key, **terms))
        assert again
        assert (again.id, again.state, again.price_cents) == (first.id, first.state, first.price_cents)

    # Other operations

    @rule(steps=st.integers(1, 12))
    def pass_time(self, steps: int) -> None:
        async def shift() -> None:
            ids = [self.site.ids[stone.number] for stone in self.stones]
            async with self.site.database.connection() as connection:
                await age_trades(connection, steps * STEP * 60, ids)

        self.do(shift())
        self.clock += steps * STEP

    @rule(at=stone)
    def sync(self, at: int) -> None:
        stone = self.stones[at]
        word = self.do(self.site.supplier.item_status(self.site.stones[stone.number]["id"]))
        assert word
        self.do(self.site.sync(stone.number, availability=word.availability, hold_id=word.hold_id))
        stone.word, stone.mirror = word.availability, word.hold_id is not None

    @rule(at=stone, cents=st.integers(1, 3))
    def reprice(self, at: int, cents: int) -> None:
        stone = self.stones[at]
        stone.price = PRICE + cents
        self.do(self.site.sync(stone.number, retail_price_cents=stone.price))

    @rule(at=stone)
    def sell_elsewhere(self, at: int) -> None:
        stone = self.stones[at]
        if self.do(self.site.at_supplier(stone.number)) != "AVAILABLE":
            return
        body = {"id": self.site.stones[stone.number]["id"], "set": {"availability": "SOLD"}}
        self.do(self.site.control("POST", "update", body))
        stone.sold_elsewhere = True

    @rule()
    def settle(self) -> None:
        self.do(self.site.settlement.holds())
        self.do(self.site.settlement.purchases())
        for stone in self.stones:
            if self.open_hold(stone) is None:
                assert self.do(self.site.at_supplier(stone.number)) != "HOLD"

    # Invariants

    @invariant()
    def all_views_show_model_state(self) -> None:
        for stone in getattr(self, "stones", ()):
            assert self.do(self.site.availability(stone.number)) == self.combined(stone)
            if stone.held and not self.open_hold(stone):
                self.close(stone, HoldState.EXPIRED)
            ended = dict(stone.over)
            rows = self.do(self.site.trading.records.holds([*ended, *([stone.held.id] if stone.held else [])]))
            for hold_id, row in rows.items():
                assert row.state is ended.get(hold_id, HoldState.ACTIVE)
        self._searches_agree()

    def _searches_agree(self) -> None:
        stones = getattr(self, "stones", [])
        ids = [self.site.ids[stone.number] for stone in stones]
        for state in ("available", "on_hold", "sold"):
            count = self.do(self.site.search.count(DiamondCriteria(ids=ids, availability=[state])))
            assert count == sum(self.combined(stone) == state for stone in stones)

    def teardown(self) -> None:
        self.do(self.site.trading.holds._background_tasks.close())
        orders = self.do(self.site.trades("create_order"))
        for stone in getattr(self, "stones", ()):
            offer = self.site.stones[stone.number]["offer_id"]
            assert sum(order["arguments"]["items"][0]["offerId"] == offer for order in orders) == int(stone.bought)

    # Model

    def open_hold(self, stone: ModelStone) -> ModelHold | None:
        return stone.held if stone.held and self.clock < stone.held.ends_at else None

    def close(self, stone: ModelStone, state: HoldState) -> None:
        assert stone.held
        stone.over.append((stone.held.id, state))
        stone.held = None

    def combined(self, stone: ModelStone) -> str:
        if stone.bought:
            return "sold"
        if self.open_hold(stone):
            return "on_hold"
        return "available" if stone.word == "on_hold" and stone.mirror else stone.word

    def attempt(self, work: Coroutine[Any, Any, T]) -> tuple[T | None, TradingConflict | None]:
        try:
            return self.do(work), None
        except TradingConflict as conflict:
            return None, conflict

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    # No faults are injected: a slow machine must not count as a silent supplier.
    return settings.with_values(trading_timeout_seconds=60.0, trading_patience_seconds=60.0)


@pytest.mark.timeout(600)
async def test_random_operations_match_model(site: TradingSite) -> None:
    machine = type("TradingSite", (TradingMachine,), {
        "site": site, "loop": asyncio.get_running_loop(), "numbers": iter(range(len(site.ids)))
    })  # fmt: skip
    examples = len(site.ids) // PER_EXAMPLE // 2
    # Every example uses untraded stones, so a failure is reported as found and not minimized.
    chosen = hypothesis.settings(
        max_examples=examples, stateful_step_count=20, phases=[Phase.generate], deadline=None, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    await asyncio.to_thread(run_state_machine_as_test, machine, settings=chosen)
