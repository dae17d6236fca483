"""OpenAPI document and its page: complete, correct, and self-contained."""

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.auth.scopes import Scope
from app.rest.openapi import document
from app.rest.routes import DOCUMENTED
from tests.foreign.npm import run_node
from tests.integration.api.diamonds import Insert, MakeKey, build

COMMITTED = Path("openapi.json").read_bytes()
DOCUMENT = document(DOCUMENTED)
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
SCHEMAS = DOCUMENT["components"]["schemas"]


def parts(value: Any) -> Iterator[Any]:
    yield value
    for below in value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ():
        yield from parts(below)


def test_operation_ids_are_unique() -> None:
    documented = {(method.upper(), path) for path, methods in DOCUMENT["paths"].items() for method in methods}
    assert documented == {(operation.method, operation.path) for operation in DOCUMENTED}
    names = [
        part["operationId"] for part in parts(DOCUMENT["paths"]) if isinstance(part, dict) and "operationId" in part
    ]
    assert len(names) == len(set(names)) == len(DOCUMENTED)


def test_references_are_resolved_and_schemas_are_used() -> None:
    references = {part["$ref"] for part in parts(DOCUMENT) if isinstance(part, dict) and "$ref" in part}
    assert references == {f"#/components/schemas/{name}" for name in SCHEMAS}


def test_operations_document_scopes_and_errors() -> None:
    for operation in DOCUMENTED:
        described = DOCUMENT["paths"][operation.path][operation.method.lower()]
        assert (described.get("security") == []) == (operation.scope is None)
        if operation.scope:
            assert f"`{operation.scope}`" in described["description"]
            assert {"401", "403", "429", "503"} <= set(described["responses"])
        asked = {parameter["name"] for parameter in described["parameters"]}
        headers = [operation.header.name] if operation.header else []
        assert asked == {*re.findall(r"{(\w+)}", operation.path), *(one.name for one in operation.parameters), *headers}


async def test_generated_document_equals_committed_one(address: str) -> None:
    async with httpx.AsyncClient(base_url=address) as client:
        response = await client.get("/openapi.json")
    assert response.headers["content-type"] == "application/json"
    assert response.content == COMMITTED


async def test_responses_have_documented_members(
    api: httpx.AsyncClient, cost_client: httpx.AsyncClient, insert: Insert
) -> None:
    await insert([build(1)])
    schema = SCHEMAS["DiamondAnswer"]
    for client in (api, cost_client):
        (diamond,) = (await client.get("/api/v2/diamonds")).json()["data"]
        assert set(schema["required"]) <= set(diamond) <= set(schema["properties"])
        kinds = {"measurements": dict, "carats": float, **({"markupRatio": float} if client is cost_client else {})}
        assert all(isinstance(diamond[name], kind) for name, kind in kinds.items())
    error = (await api.get("/api/v2/diamonds?limit=0")).json()["error"]
    assert set(error) == set(SCHEMAS["Error"]["properties"])


@pytest.mark.skipif(BROWSER is None, reason="needs a Chromium")
@pytest.mark.timeout(240)
async def test_browser_page_takes_key_and_sends_requests_to_this_server_only(
    address: str, make_key: MakeKey, insert: Insert
) -> None:
    await insert([build(1, color="D"), build(2, color="E"), build(3, color="F")])
    given = {
        "URL": address,
        "KEY": await make_key(Scope.DIAMONDS_READ, Scope.PURCHASES_WRITE),
        "DIAMOND": str(build(1)["id"]),
        "CHROMIUM": BROWSER or "",
        "HOME": os.environ.get("HOME", "/tmp"),  # noqa: S108 - the browser wants one
        "SHOTS": os.environ.get("SHOTS", ""),
    }
    seen = json.loads(await run_node("browser", "api-docs.js", given))
    assert set(seen["operations"]) == {operation.name for operation in DOCUMENTED}
    assert seen["anonymous"]["status"] == 401
    assert '"UNAUTHORIZED"' in seen["anonymous"]["text"]
    assert (seen["found"]["path"], seen["found"]["status"]) == ("/api/v2/diamonds?color=D&color=E&page=1&limit=1", 200)
    assert json.loads(seen["found"]["body"])["pagination"]["total"] == 2
    assert json.loads(seen["availability"]["body"])["data"]["availability"] == "available"
    # Trading is not configured, but the header was sent: otherwise the error would name the header.
    assert (seen["purchase"]["status"], seen["purchase"]["headers"]["x-idempotency-key"]) == (503, "k-1")
    assert "X-Nonce" in seen["schemes"]
    assert given["KEY"] not in seen["stored"]
    assert (seen["again"], set(seen["operationsAgain"])) == (304, set(seen["operations"]))
    assert (seen["complaints"], seen["elsewhere"]) == ([], [])


async def test_page_loads_only_vendored_files(address: str) -> None:
    async with httpx.AsyncClient(base_url=address) as client:
        page = await client.get("/api-docs")
        assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert "script-src 'self'" in page.headers["content-security-policy"]
        loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        assert loaded
        for path in loaded:
            assert path.startswith("/"), path
            assert (await client.get(path)).status_code == 200
        assert not re.search(r"https?://", page.text + (await client.get("/api-docs/page.js")).text)
        assert "style=" not in page.text
        assert not re.search(r"<script(?![^>]*src=)", page.text)


async def test_not_modified_response_keeps_policy_of_cached_page(address: str) -> None:
    policies = ("content-security-policy", "x-frame-options", "cross-origin-resource-policy", "referrer-policy")
    async with httpx.AsyncClient(base_url=address) as client:
        for path in ("/api-docs", "/api-docs/page.js", "/api-docs/swagger-ui.js", "/openapi.json"):
            first = await client.get(path)
            again = await client.get(path, headers={"If-None-Match": first.headers["etag"]})
            assert (first.status_code, again.status_code) == (200, 304)
            # A browser combines the headers of the cached response and of the 304, which override the former.
            both = {**first.headers, **again.headers}
            assert {name: both.get(name) for name in policies} == {name: first.headers.get(name) for name in policies}


@pytest.mark.parametrize(
    "name", ["page.html", "..%2f..%2fstate.py", "page", "x", "swagger-ui.js.gz", "vendored/swagger-ui.js"]
)
async def test_no_other_files_are_served(address: str, name: str) -> None:
    async with httpx.AsyncClient(base_url=address) as client:
        assert (await client.get(f"/api-docs/{name}")).status_code == 404
