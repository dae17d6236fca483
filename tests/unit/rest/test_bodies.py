"""JSON bodies of requests: unknown fields are named, together with the field that the client probably means."""

from collections.abc import Mapping, MutableMapping
from typing import Any

import msgspec
import pytest
from starlette.requests import Request

from app.rest.request_body import EmptyBody, read_body, require_empty_body
from app.rest.routes import DOCUMENTED
from app.rest.trading import PurchaseOrder
from inventory.core.errors import BadRequest, ValidationFailed


def request(body: bytes) -> Request[Any]:
    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return Request({"type": "http", "method": "POST", "headers": []}, receive)


async def problems(body: Mapping[str, Any], kind: type[msgspec.Struct] = PurchaseOrder) -> Mapping[str, object]:
    with pytest.raises(ValidationFailed) as raised:
        await read_body(request(msgspec.json.encode(body)), kind)
    return raised.value.details


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("expectedPriceCents", "expected_price_cents"),
        ("expected_price", "expected_price_cents"),
        ("expected-price-cents", "expected_price_cents"),
        ("Destination_ID", "destination_id"),
        ("returnOption", "return_option"),
        ("comment", "comments"),
    ],
)
async def test_unknown_field_error_suggests_similar_field(name: str, meant: str) -> None:
    found = await problems({"destination_id": "d", name: 1})
    assert found == {name: f"is not a field of this request; did you mean {meant}?"}


async def test_unknown_field_error_lists_fields_without_similar_one() -> None:
    listed = "comments, destination_id, expected_price_cents, reference, return_option"
    assert await problems({"destination_id": "d", "zzz": 1}) == {
        "zzz": f"is not a field of this request; its fields are {listed}"
    }


async def test_unknown_and_invalid_fields_are_reported_together_and_bounded() -> None:
    assert set(await problems({"destinationId": "d"})) == {"destination_id", "destinationId"}
    found = await problems({"destination_id": "d", **{f"{'x' * 500}\n{number}": 1 for number in range(500)}})
    assert sum(map(len, found)) < 1000
    assert not any("\n" in name for name in found)


async def test_operation_without_fields_accepts_only_empty_body() -> None:
    for body in (b"", b" \n", b"{}"):
        await require_empty_body(request(body))
    with pytest.raises(ValidationFailed, match="minutes: is not a field of this request; it has no fields"):
        await require_empty_body(request(b'{"minutes": 5}'))
    for body in (b"null", b"[]", b"minutes=5"):
        with pytest.raises(BadRequest):
            await require_empty_body(request(body))


@pytest.mark.parametrize("operation", [one for one in DOCUMENTED if one.writes], ids=lambda one: str(one.name))
async def test_every_operation_that_writes_forbids_unknown_fields(operation: Any) -> None:
    assert operation.body.__struct_config__.forbid_unknown_fields
    if operation.body is not EmptyBody:
        assert "surprise" in await problems({"surprise": 1}, operation.body)
