"""Price check of trading: charged price, rejections, and the price that a hold guarantees."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.suppliers.ports import ItemStatus
from inventory.trading.errors import NotAvailable, PriceChanged
from inventory.trading.models import Hold, TradedDiamond
from inventory.trading.price_check import PriceAccepted, PriceRejected, check
from inventory.trading.states import HoldState
from inventory.trading.terms import PriceBasis, PriceTerms, determine_terms, require_available

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SUPPLIER, LISTED, GUARANTEED = 100_000, 115_000, 112_000
STONE = TradedDiamond(
    id=uuid4(), supplier="nivoda", supplier_stone_id="s", offer_id="DIAMOND/s", active=True, shape="ROUND",
    carat_milli=1000, lab_grown=False, supplier_price_cents=SUPPLIER, retail_price_cents=LISTED, availability="available",
)  # fmt: skip
HOLD = Hold(
    id=uuid4(), diamond_id=STONE.id, client_id="acme", state=HoldState.ACTIVE, price_cents=GUARANTEED,
    supplier_price_cents=97_000, requested_at=NOW, wanted_until=NOW + timedelta(days=1), expires_at=NOW, ended_at=None,
    supplier_hold_id="h", supplier_until=None, reason=None,
)  # fmt: skip
ITEM = ItemStatus(availability="available", offer_id="DIAMOND/s", price_cents=SUPPLIER)


def reprice(cents: int) -> int:
    return cents * 115 // 100


def checked(terms: PriceTerms, hold: Hold | None = None, **item: Any) -> PriceAccepted | PriceRejected:
    return check(msgspec.structs.replace(ITEM, **item), "DIAMOND/old", terms, STONE, hold, reprice)


@pytest.mark.parametrize(
    ("expected", "hold", "quoted", "terms"),
    [
        (None, None, None, PriceTerms(LISTED, PriceBasis.LISTED)),
        (LISTED, None, None, PriceTerms(LISTED, PriceBasis.LISTED)),
        (None, HOLD, None, PriceTerms(GUARANTEED, PriceBasis.GUARANTEED)),
        (GUARANTEED, HOLD, None, PriceTerms(GUARANTEED, PriceBasis.GUARANTEED)),
        (LISTED, HOLD, None, PriceTerms(LISTED, PriceBasis.LISTED)),
        (120_000, None, 120_000, PriceTerms(120_000, PriceBasis.QUOTED)),
        (LISTED, None, LISTED, PriceTerms(LISTED, PriceBasis.LISTED)),
        (None, None, 120_000, PriceTerms(LISTED, PriceBasis.LISTED)),
        (120_000, HOLD, 120_000, GUARANTEED),
        (120_000, None, 119_999, LISTED),
        (GUARANTEED, None, None, LISTED),
        (0, None, None, LISTED),
    ],
)
def test_client_pays_listed_guaranteed_or_quoted_price(
    expected: int | None, hold: Hold | None, quoted: int | None, terms: PriceTerms | int
) -> None:
    if isinstance(terms, PriceTerms):
        assert determine_terms(expected, STONE, hold, quoted) == terms
        return
    with pytest.raises(PriceChanged, match="key is unused") as caught:
        determine_terms(expected, STONE, hold, quoted)
    assert caught.value.details["price_cents"] == terms


@pytest.mark.parametrize("cents", [SUPPLIER, SUPPLIER - 1, 1])
def test_list_price_is_kept_when_supplier_price_is_not_higher(cents: int) -> None:
    assert checked(PriceTerms(LISTED, PriceBasis.LISTED), price_cents=cents) == PriceAccepted(
        offer_id="DIAMOND/s", supplier_price_cents=cents
    )


@pytest.mark.parametrize("cents", [SUPPLIER + 1, SUPPLIER + 5000, SUPPLIER * 3])
def test_higher_supplier_price_rejects_list_price_and_names_new_price(cents: int) -> None:
    refused = checked(PriceTerms(LISTED, PriceBasis.LISTED), price_cents=cents)
    assert isinstance(refused, PriceRejected)
    assert (refused.code, refused.current_price_cents) == ("PRICE_CHANGED", reprice(cents))
    assert str(cents) not in refused.reason.replace(",", ""), "the supplier's price is not for every client"
    quoted = PriceTerms(reprice(cents), PriceBasis.QUOTED)
    assert isinstance(checked(quoted, price_cents=cents), PriceAccepted), "the named price can be bought at"
    again = checked(quoted, price_cents=cents + 10)
    assert isinstance(again, PriceRejected)
    assert again.current_price_cents == reprice(cents + 10)
    back = checked(quoted, price_cents=SUPPLIER)
    assert isinstance(back, PriceRejected)
    assert back.current_price_cents == LISTED


@pytest.mark.parametrize("cents", [1, 97_000, 97_001, SUPPLIER * 5])
def test_guaranteed_price_is_kept_and_difference_is_recorded(cents: int) -> None:
    cleared = checked(
        PriceTerms(GUARANTEED, PriceBasis.GUARANTEED), HOLD, price_cents=cents, availability="on_hold", hold_id="h"
    )
    assert isinstance(cleared, PriceAccepted)
    assert cleared.price_difference_cents == (cents - 97_000 if cents > 97_000 else None)


def test_hold_without_supplier_price_is_compared_with_last_sync() -> None:
    old = msgspec.structs.replace(HOLD, supplier_price_cents=None)
    cleared = checked(PriceTerms(GUARANTEED, PriceBasis.GUARANTEED), old, price_cents=SUPPLIER + 7)
    assert isinstance(cleared, PriceAccepted)
    assert cleared.price_difference_cents == 7


def test_guaranteed_price_overrides_list_price_under_hold() -> None:
    listed = PriceTerms(LISTED, PriceBasis.LISTED)
    assert isinstance(checked(listed, HOLD), PriceAccepted)
    refused = checked(listed, HOLD, price_cents=SUPPLIER + 1)
    assert isinstance(refused, PriceRejected)
    assert (refused.code, refused.current_price_cents) == ("PRICE_CHANGED", GUARANTEED)


@pytest.mark.parametrize("word", ["on_hold", "sold", "unavailable"])
def test_unavailable_diamond_is_not_ordered_without_hold(word: str) -> None:
    refused = checked(PriceTerms(LISTED, PriceBasis.LISTED), availability=word)
    assert isinstance(refused, PriceRejected)
    assert refused.code == "NOT_AVAILABLE"
    assert isinstance(checked(PriceTerms(LISTED, PriceBasis.LISTED), availability=word, hold_id="ours"), PriceAccepted)
    assert isinstance(checked(PriceTerms(GUARANTEED, PriceBasis.GUARANTEED), HOLD, availability=word), PriceAccepted), (
        "under a hold the supplier decides"
    )


def test_missing_supplier_values_are_not_guessed() -> None:
    for terms, hold in (
        (PriceTerms(LISTED, PriceBasis.LISTED), None),
        (PriceTerms(GUARANTEED, PriceBasis.GUARANTEED), HOLD),
    ):
        refused = checked(terms, hold, price_cents=None)
        assert isinstance(refused, PriceRejected)
        assert refused.code == "SUPPLIER_ERROR"
        gone = check(None, "DIAMOND/old", terms, STONE, hold, reprice)
        assert isinstance(gone, PriceRejected)
        assert gone.code == "NOT_AVAILABLE"


def test_current_offer_and_order_item_are_read_from_item() -> None:
    listed = PriceTerms(LISTED, PriceBasis.LISTED)
    cleared = checked(listed, offer_id="DIAMOND/new", order_item_id="old-order")
    assert isinstance(cleared, PriceAccepted)
    assert (cleared.offer_id, cleared.order_item_id, cleared.compared) == ("DIAMOND/new", "old-order", True)
    without = checked(listed, offer_id=None)
    assert isinstance(without, PriceAccepted)
    assert without.offer_id == "DIAMOND/old"


@given(
    cents=st.integers(1, 10**9),
    basis=st.sampled_from(PriceBasis),
    charged=st.integers(1, 10**9),
    hold=st.sampled_from([None, HOLD]),
)
def test_order_below_current_price_requires_hold_guarantee(
    cents: int, basis: PriceBasis, charged: int, hold: Hold | None
) -> None:
    result = checked(PriceTerms(charged, basis), hold, price_cents=cents)
    if isinstance(result, PriceAccepted) and basis is not PriceBasis.GUARANTEED and cents > SUPPLIER:
        assert charged >= (hold.price_cents if hold else reprice(cents))
    if isinstance(result, PriceRejected):
        assert result.current_price_cents != charged


@pytest.mark.parametrize(
    ("hold", "word", "allowed"),
    [
        (None, "available", True), (None, "on_hold", False), (None, "sold", False), (None, "unavailable", False),
        (HOLD, "on_hold", True), (HOLD, "unavailable", True), (HOLD, "sold", False),
    ],
)  # fmt: skip
def test_purchasable_states(hold: Hold | None, word: str, allowed: bool) -> None:
    stone = msgspec.structs.replace(STONE, availability=word)
    if allowed:
        assert require_available(stone, hold) == "DIAMOND/s"
    else:
        with pytest.raises(NotAvailable):
            require_available(stone, hold)
    with pytest.raises(NotAvailable):
        require_available(msgspec.structs.replace(stone, offer_id=None), hold)
