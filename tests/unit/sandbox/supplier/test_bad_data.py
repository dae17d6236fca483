"""Bad data of the `bad_data` fault: items that break the schema."""

import json
from collections.abc import Callable

import pytest

from inventory.suppliers.nivoda.mapping import observe
from sandbox.supplier import bad_data
from sandbox.supplier.inventory import Inventory
from sandbox.supplier.payload import Item


@pytest.fixture
def item(make_inventory: Callable[..., Inventory]) -> Item:
    return make_inventory(3, spread_of="real").item(2)[0]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("kind", bad_data.USABLE)
def test_usable_bad_data_can_be_mapped(kind: str, seed: int, item: Item) -> None:
    clean = json.dumps(item)
    bad_data.corrupt(kind, item, seed)
    assert json.dumps(item) != clean
    assert observe(json.dumps(item).encode()).stone


@pytest.mark.parametrize("kind", bad_data.UNUSABLE)
def test_unusable_bad_data_cannot_be_mapped(kind: str, item: Item) -> None:
    bad_data.corrupt(kind, item, 1)
    assert observe(json.dumps(item).encode()).stone is None
