"""State machines of holds and purchases: exactly the documented transitions."""

import re
from itertools import product
from pathlib import Path

import pytest

from inventory.trading.states import (
    BOUGHT,
    HOLD_TRANSITIONS,
    OPEN_HOLDS,
    OPEN_PURCHASES,
    PURCHASE_TRANSITIONS,
    REST_STATUS,
    HoldState,
    PurchaseState,
    holds_before,
    purchases_before,
)

DOCUMENTED = (Path(__file__).parents[3] / "docs" / "explanation" / "trading.md").read_text(encoding="utf-8")
HOLDS = {("requested", "active"), ("requested", "denied"), ("active", "released"), ("active", "expired"),
         ("active", "purchased")}  # fmt: skip
PURCHASES = {("pending", "ordered"), ("pending", "failed"), ("pending", "unknown"), ("unknown", "ordered"),
             ("unknown", "failed"), ("ordered", "confirmed"), ("ordered", "declined"), ("confirmed", "declined")}  # fmt: skip


@pytest.mark.parametrize(("before", "after"), list(product(HoldState, HoldState)))
def test_hold_has_documented_transitions_only(before: HoldState, after: HoldState) -> None:
    assert (after in HOLD_TRANSITIONS[before]) == ((before.value, after.value) in HOLDS)
    assert (before in holds_before(after)) == ((before.value, after.value) in HOLDS)


@pytest.mark.parametrize(("before", "after"), list(product(PurchaseState, PurchaseState)))
def test_purchase_has_documented_transitions_only(before: PurchaseState, after: PurchaseState) -> None:
    assert (after in PURCHASE_TRANSITIONS[before]) == ((before.value, after.value) in PURCHASES)
    assert (before in purchases_before(after)) == ((before.value, after.value) in PURCHASES)


def test_open_states_have_transitions() -> None:
    assert {state for state, ways in HOLD_TRANSITIONS.items() if ways} == OPEN_HOLDS
    assert {state for state, ways in PURCHASE_TRANSITIONS.items() if ways} == OPEN_PURCHASES | BOUGHT


def test_every_purchase_state_is_open_bought_or_closed_in_rest() -> None:
    over = {PurchaseState.DECLINED, PurchaseState.FAILED}
    assert {*OPEN_PURCHASES, *BOUGHT, *over} == set(PurchaseState)
    assert {state for state, status in REST_STATUS.items() if status == "confirmed"} == BOUGHT
    assert {state for state, status in REST_STATUS.items() if status == "failed"} == over
    assert {REST_STATUS[state] for state in OPEN_PURCHASES} == OPEN_PURCHASES
    assert REST_STATUS.keys() == set(PurchaseState)


@pytest.mark.parametrize(("heading", "ways"), [("hold", HOLDS), ("purchase", PURCHASES)])
def test_documentation_shows_same_transitions(heading: str, ways: set[tuple[str, str]]) -> None:
    table = DOCUMENTED.partition(f"| {heading} | becomes | when |")[2].partition("\n\n")[0]
    shown, before = set(), ""
    for first, second in re.findall(r"^\|(.*?)\|(.*?)\|", table, re.MULTILINE):
        before = first.strip("` ") or before
        shown |= {(before, after) for after in re.findall(r"`(\w+)`", second)}
    assert shown == ways
