from uuid import UUID, uuid5

import pytest

from inventory.catalog.stone import diamond_id

NAMESPACE = UUID("8f6d1c1e-8f0e-5c55-9d0c-6d1f8c5b7a10")


@pytest.mark.parametrize(("supplier", "stone_id"), [("nivoda", "e1931899"), ("acme", "é 4711"), ("acme", "")])
def test_diamond_id_is_uuid_version_5(supplier: str, stone_id: str) -> None:
    # The ids of existing diamonds must not change.
    assert diamond_id(supplier, stone_id) == uuid5(NAMESPACE, f"{supplier}:{stone_id}")
