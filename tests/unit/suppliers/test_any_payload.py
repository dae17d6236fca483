"""Mapping of arbitrary payloads: always a coherent observation, never an exception."""

import json
from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from inventory.pricing.rules import price_per_carat_cents
from inventory.suppliers.nivoda.mapping import observe
from inventory.suppliers.ports import ObservedItem
from tests.unit.suppliers.items import item, payload

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=10), children, max_size=4),
    max_leaves=12,
)


def paths(part: dict[str, Any], prefix: str = "") -> list[str]:
    here = [prefix + name for name in part]
    return here + [
        path for name, below in part.items() if isinstance(below, dict) for path in paths(below, f"{prefix}{name}.")
    ]


def coherent(observed: ObservedItem) -> None:
    """Properties of every observation."""
    json.loads(observed.payload)
    assert 0 < len(observed.supplier_stone_id) <= 200
    assert "\x00" not in observed.supplier_stone_id
    observed.supplier_stone_id.encode()
    assert len(observed.payload_hash) == 16
    assert (observed.stone is None) == (observed.problem is not None) == (observed.canonical_hash is None)
    assert observe(observed.payload) == observed
    if observed.stone is None:
        return
    stone = msgspec.structs.asdict(observed.stone)
    assert stone["supplier_stone_id"] == observed.supplier_stone_id
    assert 0 < stone["supplier_price_cents"] == observed.price_cents
    assert stone["price_per_carat_cents"] == price_per_carat_cents(stone["supplier_price_cents"], stone["carat_milli"])
    for name, value in stone.items():
        if isinstance(value, str):
            assert value
            assert "\x00" not in value
            value.encode()
        elif isinstance(value, bytes):
            assert isinstance(json.loads(value), dict)
            assert b"\\u0000" not in value
        elif name.endswith("_milli") and value is not None:
            assert 0 < value < 2**31
        elif name.endswith("_rank") and value is not None:
            assert stone[name.removesuffix("_rank")]


@given(found=json_values)
@example(found={"diamond": {"id": "1", "certificate": {"carats": 1}}, "price": 1})
def test_any_json_is_mapped_to_coherent_observation(found: Any) -> None:
    coherent(observe(json.dumps(found).encode()))


@given(data=st.data())
def test_any_json_in_any_field_is_mapped_to_coherent_observation(data: st.DataObject) -> None:
    fields = data.draw(st.lists(st.sampled_from(sorted(paths(item()))), unique=True, min_size=1, max_size=5))
    # Deepest path first: replacing a parent first would remove its children's paths.
    changes = {path: data.draw(json_values) for path in sorted(fields, key=lambda path: -path.count("."))}
    coherent(observe(payload(changes) if data.draw(st.booleans()) else json.dumps(item(changes)).encode()))


@given(text=st.binary(max_size=60), place=st.integers(0, 900), length=st.integers(0, 10))
def test_any_bytes_over_valid_item_are_mapped_to_coherent_observation(text: bytes, place: int, length: int) -> None:
    original = payload()
    coherent(observe(original[:place] + text + original[place + length :]))


@given(text=st.binary(max_size=40))
def test_any_bytes_are_mapped_to_coherent_observation(text: bytes) -> None:
    coherent(observe(text))


@given(
    carats=st.decimals(min_value=Decimal("0.001"), max_value=Decimal(9_999), places=6),
    cents=st.integers(1, 214_748_364_700),
)
def test_invariant_16_weight_and_price_are_exact(carats: Decimal, cents: int) -> None:
    text = (
        payload().replace(b'"carats": 1.01', f'"carats": {carats:f}'.encode()).replace(b"123456", str(cents).encode())
    )
    observed = observe(text)
    assert observed.stone is not None
    assert observed.stone.supplier_price_cents == cents
    assert abs(observed.stone.carat_milli - carats * 1000) <= Decimal("0.5")
