"""Availability of a single diamond, by caller."""

from uuid import uuid4

import httpx

from inventory.catalog.stone import diamond_id
from tests.integration.api.diamonds import Insert, build
from tests.integration.api.errors import error


async def test_availability_is_shown_without_supplier_hold_ids(api: httpx.AsyncClient, insert: Insert) -> None:
    await insert([build(1), build(2, availability="on_hold", hold_id="hold-1")])
    for number, availability in ((1, "available"), (2, "on_hold")):
        key = str(diamond_id("nivoda", f"stone-{number}"))
        response = await api.post(f"/api/v2/diamonds/{key}/availability")
        assert (response.status_code, response.json()) == (
            200,
            {"data": {"id": key, "availability": availability, "hold_id": None}},
        )


async def test_availability_of_unknown_diamond_is_not_found(api: httpx.AsyncClient) -> None:
    for key in ("x", uuid4()):
        assert error(await api.post(f"/api/v2/diamonds/{key}/availability")) == (
            404,
            {"code": "NOT_FOUND", "message": "There is no diamond with this id."},
        )
