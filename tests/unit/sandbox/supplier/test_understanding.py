"""Ground truth of the simulator equals the values that the pipeline maps, to the cent and the thousandth."""

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from inventory.suppliers.nivoda.mapping import observe
from sandbox.supplier.changes import Changes
from sandbox.supplier.identity import ordinal_of
from sandbox.supplier.inventory import Inventory

NUMBERS: st.SearchStrategy[object] = (
    st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.decimals(0, 12_000, places=5).map(float)
    | st.text("0123456789.-+eE _,\u0661", max_size=8)
    | st.sampled_from([None, True, "", [], {}, 2**31 * 100, (2**31 - 1) * 100, 0.0005, 10_000, "NaN", "1.50 ct"])
)


def shown(values: dict[str, Any]) -> tuple[Any, Any]:
    """The ground truth of a diamond that serves these values, and the pipeline's mapping of it."""
    inventory = Inventory(count=3, bad_data_share=0)
    identity = Changes(inventory).update(inventory.truth(1, 1)[0]["id"], values)
    (row,) = (row for row in inventory.truth(0, 3) if row["id"] == identity)
    ordinal = ordinal_of(identity)
    assert ordinal is not None
    # A response with all fields. The fields that the pipeline does not select change nothing.
    stone = observe(json.dumps(inventory.served_item(ordinal)).encode()).stone
    truth = (row["price"], round(row["carats"] * 1000)) if row["usable"] else None
    return truth, (stone.supplier_price_cents, stone.carat_milli) if stone else None


@given(price=NUMBERS)
@example(price=2**63 - 1)
@example(price="12.0")
@example(price=1000.0)
def test_price_is_mapped_equally(price: object) -> None:
    truth, understood = shown({"price": price})
    assert understood == truth


@given(carats=NUMBERS)
@example(carats=1.2345)
@example(carats=0.0004)
@example(carats=10_000.001)
@example(carats="1_0")
def test_weight_is_mapped_equally(carats: object) -> None:
    truth, understood = shown({"carats": carats})
    assert understood == truth


@given(field=st.sampled_from(["length", "width", "depth", "table", "depthPercentage"]), value=NUMBERS)
def test_measurement_is_mapped_equally(field: str, value: object) -> None:
    truth, understood = shown({field: value})
    assert understood == truth


@given(field=st.sampled_from(["certNumber", "lab", "HoldId"]), length=st.integers(195, 205), padding=st.integers(0, 3))
def test_long_name_is_mapped_equally(field: str, length: int, padding: int) -> None:
    truth, understood = shown({field: "x" * length + " " * padding})
    assert understood == truth
