"""API keys over GraphQL: an operator lists them without secrets, rotates and revokes them, and gains no scope."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from app.auth.api_key_service import ApiKeyService, IssuedKey
from app.auth.scopes import Scope
from inventory.core.database import Database
from tests.integration.api.diamonds import MakeKey

LIST = "{ apiKeys { id clientId name scopes status expiresAt revokedAt lastUsedAt } }"
ROTATE = """mutation ($input: ApiKeyRotateInput!) {
  apiKeyRotate(input: $input) { key apiKey { id clientId name scopes status } userErrors { field code } }
}"""
REVOKE = "mutation ($id: ID!) { apiKeyRevoke(id: $id) { revokedId userErrors { field code } } }"


@pytest_asyncio.fixture
async def admin(address: str, make_key: MakeKey) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"X-API-Key": await make_key(Scope.KEYS_ADMIN, Scope.DIAMONDS_READ)}
    async with httpx.AsyncClient(base_url=address, headers=headers) as client:
        yield client


@pytest_asyncio.fixture
async def shop(database: Database) -> IssuedKey:
    return await ApiKeyService(database).create("Shop", "shop", [Scope.DIAMONDS_READ])


async def ask(client: httpx.AsyncClient, document: str, **variables: Any) -> Any:
    return (await client.post("/graphql", json={"query": document, "variables": variables})).json()


async def works(address: str, key: str) -> bool:
    async with httpx.AsyncClient(base_url=address, headers={"X-API-Key": key}) as client:
        return (await client.get("/api/v2/diamonds", params={"limit": 1})).status_code == 200


async def test_keys_are_listed_without_secrets(admin: httpx.AsyncClient, shop: IssuedKey) -> None:
    answer = await admin.post("/graphql", json={"query": LIST})
    found = {one["id"]: one for one in answer.json()["data"]["apiKeys"]}
    assert found[shop.key.id] == {
        "id": shop.key.id, "clientId": "shop", "name": "Shop", "scopes": ["diamonds:read"], "status": "VALID",
        "expiresAt": None, "revokedAt": None, "lastUsedAt": None,
    }  # fmt: skip
    assert shop.key.text not in answer.text
    assert shop.stored.key_hash not in answer.text


async def test_rotated_key_is_valid_and_old_one_until_its_end(
    admin: httpx.AsyncClient, address: str, shop: IssuedKey
) -> None:
    rotated = (await ask(admin, ROTATE, input={"id": shop.key.id, "keepHours": 1}))["data"]["apiKeyRotate"]
    assert rotated["userErrors"] == []
    assert rotated["apiKey"]["clientId"] == "shop"
    assert rotated["apiKey"]["scopes"] == ["diamonds:read"]
    assert await works(address, rotated["key"])
    assert await works(address, shop.key.text)
    found = {one["id"]: one for one in (await ask(admin, LIST))["data"]["apiKeys"]}
    assert found[shop.key.id]["expiresAt"] is not None


async def test_revoked_key_is_rejected(admin: httpx.AsyncClient, address: str, shop: IssuedKey) -> None:
    for _ in range(2):
        revoked = (await ask(admin, REVOKE, id=shop.key.id))["data"]["apiKeyRevoke"]
        assert revoked == {"revokedId": shop.key.id, "userErrors": []}
    assert not await works(address, shop.key.text)
    rotated = (await ask(admin, ROTATE, input={"id": shop.key.id}))["data"]["apiKeyRotate"]
    assert rotated == {"key": None, "apiKey": None, "userErrors": [{"field": None, "code": "CONFLICT"}]}


async def test_rotation_does_not_extend_scopes_of_operator(admin: httpx.AsyncClient, database: Database) -> None:
    stronger = await ApiKeyService(database).create("Sync", "sync", [Scope.DIAMONDS_READ, Scope.SYNC_ADMIN])
    refused = await ask(admin, ROTATE, input={"id": stronger.key.id})
    assert refused["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert "sync:admin" in refused["errors"][0]["message"]
    assert len((await ask(admin, LIST))["data"]["apiKeys"]) == 2


@pytest.mark.parametrize("given", ["nothing", "", "\x00", "x" * 200])
async def test_unknown_key_is_not_found(admin: httpx.AsyncClient, given: str) -> None:
    revoked = (await ask(admin, REVOKE, id=given))["data"]["apiKeyRevoke"]
    assert revoked["userErrors"] == [{"field": ["id"], "code": "NOT_FOUND"}]
    rotated = (await ask(admin, ROTATE, input={"id": given}))["data"]["apiKeyRotate"]
    assert rotated["userErrors"] == [{"field": ["input", "id"], "code": "NOT_FOUND"}]


async def test_overlap_of_rotated_keys_is_limited(admin: httpx.AsyncClient, shop: IssuedKey) -> None:
    refused = (await ask(admin, ROTATE, input={"id": shop.key.id, "keepHours": -1}))["data"]["apiKeyRotate"]
    assert refused["userErrors"] == [{"field": ["input", "keepHours"], "code": "INVALID"}]


async def test_keys_require_their_scope(operator: httpx.AsyncClient, shop: IssuedKey) -> None:
    for document, variables in ((LIST, {}), (REVOKE, {"id": shop.key.id}), (ROTATE, {"input": {"id": shop.key.id}})):
        assert (await ask(operator, document, **variables))["errors"][0]["extensions"]["code"] == "FORBIDDEN"
