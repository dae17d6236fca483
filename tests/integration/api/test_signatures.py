"""Signed requests: acceptance, replay protection, and operation without Redis."""

import asyncio
import os
from collections.abc import AsyncIterator
from time import time
from typing import Any

import httpx
import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from app.auth import signatures
from app.auth.api_key_service import ApiKeyService
from app.auth.scopes import Scope
from app.auth.signatures import RequestTarget, Signature, SignatureVersion
from app.main import create_app
from inventory.core.database import Database
from inventory.core.settings import SecretStr, Settings
from sandbox.stack.scratch import scratch_directory
from sandbox.stack.valkey import Valkey
from tests.integration.api.diamonds import Insert, Serve, build

SECRETS = {"acme": "first secret", "legacy": "old secret", "stranger": "has no key"}
REFUSAL = {"error": {"code": "UNAUTHORIZED", "message": "The signature is not valid."}}
SEARCH = "/api/v2/diamonds"
BOTH: tuple[dict[str, Any], ...] = ({}, {"client_id": "legacy", "version": 1})


@pytest.fixture
def settings(database_url: str, redis_url: str) -> Settings:
    secrets = '{"acme": ["first secret", "second secret"], "legacy": "old secret", "stranger": "has no key"}'
    return Settings.read(database_url=database_url, redis_url=redis_url, environment="production", hmac_secrets=secrets)


@pytest_asyncio.fixture
async def key_service(settings: Settings) -> AsyncIterator[ApiKeyService]:
    """Two signing clients: acme, and legacy with version 1."""
    async with Database.open(settings.database) as database:
        key_service = ApiKeyService(database)
        await key_service.create("acme", "acme", [Scope.DIAMONDS_READ])
        await key_service.create("legacy", "legacy", [Scope.DIAMONDS_READ, Scope.SYNC_ADMIN], signature_v1=True)
        yield key_service


@pytest_asyncio.fixture
async def client(address: str, key_service: ApiKeyService) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=address) as client:
        yield client


def signed(
    request: httpx.Request, client_id: str = "acme", *, version: int = 2, secret: str | None = None, **fields: str
) -> httpx.Request:
    """Sign the request. `fields` are headers that are signed with other values than the default."""
    path, _, query = request.url.raw_path.partition(b"?")
    unsigned = Signature(
        SignatureVersion(version),
        client_id,
        fields.get("timestamp", str(int(time()))),
        "",
        fields.get("nonce", os.urandom(9).hex()),
    )
    target = RequestTarget(request.method, request.headers["host"], path.decode(), query.decode())
    text = signatures.canonical(unsigned, target, request.content)
    digest = signatures.sign((secret or SECRETS[client_id]).encode(), text)
    request.headers.update({"X-Client-Id": client_id, "X-Timestamp": unsigned.timestamp, "X-Signature": digest})
    if version == 2:
        request.headers.update({"X-Signature-Version": "2", "X-Nonce": unsigned.nonce})
    return request


async def ask(client: httpx.AsyncClient, url: str = SEARCH, method: str = "GET", **how: Any) -> httpx.Response:
    return await client.send(signed(client.build_request(method, url), **how))


async def test_signed_request_is_accepted_in_both_versions(client: httpx.AsyncClient, insert: Insert) -> None:
    await insert([build(1), build(2, color="D")])
    for how in ({}, {"secret": "second secret"}, {"client_id": "legacy", "version": 1}, {"client_id": "legacy"}):
        response = await ask(client, f"{SEARCH}?color[]=D&cut=excellent&color=%44", **how)
        assert response.status_code == 200, response.text
        assert response.json()["pagination"]["total"] == 1


async def test_version_one_requires_permission_and_can_be_disabled(
    client: httpx.AsyncClient, key_service: ApiKeyService, serve: Serve, settings: Settings
) -> None:
    response = await ask(client, version=1)
    assert (response.status_code, response.json()["error"]["details"]) == (401, {"header": "X-Signature-Version"})
    await key_service.allow_v1("legacy", allowed=False)
    async with serve(settings) as address, httpx.AsyncClient(base_url=address) as fresh:
        refused = (await ask(fresh, client_id="legacy", version=1)).json()["error"]
        assert (refused["code"], refused["details"]) == ("UNAUTHORIZED", {"header": "X-Signature-Version"})
        assert (await ask(fresh, client_id="legacy")).status_code == 200


async def test_version_one_writes_where_previous_system_did(client: httpx.AsyncClient) -> None:
    for version in (1, 2):
        request = client.build_request("POST", "/api/v2/triggers/scheduler", json={"run_type": "full"})
        assert (await client.send(signed(request, "legacy", version=version))).status_code == 202


async def test_secret_errors_are_indistinguishable(client: httpx.AsyncClient) -> None:
    wrong: tuple[dict[str, Any], ...] = (
        {"secret": "wrong"}, {"client_id": "nobody", "secret": "x"}, {"client_id": "stranger"},
        {"secret": "wrong", "version": 1}, {"client_id": "nobody", "secret": "x", "version": 1},
    )  # fmt: skip
    requests = [signed(client.build_request("GET", SEARCH), **how) for how in wrong]
    for name, value in (("X-Signature", "0" * 64), ("X-Nonce", "another"), ("Host", "example.com"),
                        ("X-Client-Id", "legacy"), ("X-Signature-Version", "1")):  # fmt: skip
        changed = signed(client.build_request("GET", SEARCH))
        changed.headers[name] = value
        requests.append(changed)
    for url in (f"{SEARCH}?color=D", "/api/v2/diamonds/x"):
        genuine = signed(client.build_request("GET", SEARCH))
        moved = client.build_request("GET", url)
        moved.headers.update({name: value for name, value in genuine.headers.items() if name.startswith("x-")})
        requests.append(moved)
    for request in requests:
        response = await client.send(request)
        assert (response.status_code, response.json()) == (401, REFUSAL), request.headers
        assert response.headers["www-authenticate"] == "Bearer"


async def test_malformed_headers_are_named_for_every_client(client: httpx.AsyncClient) -> None:
    forms = (("X-Timestamp", "soon"), ("X-Timestamp", ""), ("X-Timestamp", str(int(time()) - 900)),
             ("X-Timestamp", str(int(time()) + 900)), ("X-Nonce", ""), ("X-Nonce", "a b"), ("X-Signature", ""),
             ("X-Signature", "0" * 63), ("X-Client-Id", ""), ("X-Signature-Version", "3"))  # fmt: skip
    for header, value in forms:
        answers = []
        ways: tuple[dict[str, Any], ...] = ({}, {"secret": "wrong"}, {"client_id": "nobody", "secret": "x"})
        for how in ways:
            request = signed(client.build_request("GET", SEARCH), **how)
            request.headers[header] = value
            answers.append(await client.send(request))
        assert {answer.status_code for answer in answers} == {401}
        bodies = [answer.json()["error"] for answer in answers]
        assert [(body["code"], body["details"]) for body in bodies] == [("UNAUTHORIZED", {"header": header})] * 3, (
            bodies
        )
        assert all(body["message"].startswith(header) for body in bodies), bodies


async def test_valid_signature_of_forbidden_version_reports_version(client: httpx.AsyncClient) -> None:
    response = await ask(client, version=1)
    message = "This client may not sign version 1. Sign version 2."
    expected = {"code": "UNAUTHORIZED", "message": message, "details": {"header": "X-Signature-Version"}}
    assert (response.status_code, response.json()["error"]) == (401, expected)


async def test_uppercase_signature_is_accepted(client: httpx.AsyncClient) -> None:
    for how in BOTH:
        request = signed(client.build_request("GET", SEARCH), **how)
        request.headers["X-Signature"] = request.headers["X-Signature"].upper()
        assert (await client.send(request)).status_code == 200


async def test_version_one_rejects_changed_body_method_path_or_time(client: httpx.AsyncClient) -> None:
    body = b'{"query":"{ diamonds { totalCount } }"}'
    names = ("x-client-id", "x-timestamp", "x-signature")

    async def forge(genuine: httpx.Request, method: str, url: str, content: bytes, **change: str) -> int:
        forged = client.build_request(method, url, content=content, headers={"Content-Type": "application/json"})
        forged.headers.update({name: genuine.headers[name] for name in names})
        forged.headers.update({name.replace("_", "-"): value for name, value in change.items()})
        return (await client.send(forged)).status_code

    post = signed(client.build_request("POST", "/graphql", content=body), "legacy", version=1)
    get = signed(client.build_request("GET", SEARCH), "legacy", version=1)
    later = str(int(post.headers["x-timestamp"]) + 1)
    assert await forge(post, "POST", "/graphql", body) == 200
    assert await forge(post, "POST", "/graphql", body.replace(b"totalCount", b"totalcount")) == 401
    assert await forge(post, "POST", "/graphql", body, x_timestamp=later) == 401
    assert await forge(get, "GET", SEARCH, b"") == 200
    assert await forge(get, "GET", f"{SEARCH}/x", b"") == 401
    assert await forge(get, "HEAD", SEARCH, b"") == 401


async def test_replayed_request_is_rejected(client: httpx.AsyncClient) -> None:
    request = signed(client.build_request("GET", SEARCH))
    answers = [await client.send(request) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 401, 401]
    assert answers[1].json()["error"]["details"] == {"header": "X-Nonce"}


async def test_one_of_concurrent_replays_is_accepted(client: httpx.AsyncClient) -> None:
    request = signed(client.build_request("GET", SEARCH))
    answers = await asyncio.gather(*(client.send(request) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200, *[401] * 7]


async def test_two_clients_may_use_one_nonce(client: httpx.AsyncClient) -> None:
    for client_id in ("acme", "legacy"):
        assert (await ask(client, client_id=client_id, nonce="the-same")).status_code == 200


async def test_api_key_header_takes_precedence(client: httpx.AsyncClient) -> None:
    request = signed(client.build_request("GET", SEARCH))
    request.headers["X-API-Key"] = "bad"
    response = await client.send(request)
    assert (response.status_code, response.json()["error"]["message"]) == (401, "The API key is not valid.")


async def test_graphql_accepts_signatures(client: httpx.AsyncClient) -> None:
    for how in BOTH:
        request = client.build_request("POST", "/graphql", json={"query": "{ diamonds { totalCount } }"})
        assert (await client.send(signed(request, **how))).json()["data"] == {"diamonds": {"totalCount": 0}}


async def test_graphql_mutations_require_replay_protection(
    client: httpx.AsyncClient, key_service: ApiKeyService
) -> None:
    await key_service.create("rules", "legacy", [Scope.PRICING_WRITE])
    document = {"query": 'mutation { pricingRuleDelete(input: {pricingRuleId: "x"}) { userErrors { code } } }'}
    first, second = [
        await client.send(signed(client.build_request("POST", "/graphql", json=document), "legacy", version=version))
        for version in (1, 2)
    ]
    assert (first.status_code, first.json()["errors"][0]["extensions"]["code"]) == (403, "FORBIDDEN")
    assert second.json()["data"]["pricingRuleDelete"] == {"userErrors": [{"code": "NOT_FOUND"}]}


async def test_revoked_key_is_rejected_by_every_process_in_ten_seconds(
    key_service: ApiKeyService, serve: Serve, settings: Settings
) -> None:
    issued = await key_service.create("shop", "acme", [Scope.DIAMONDS_READ])
    headers = {"X-API-Key": issued.key.text}
    async with (
        serve(settings) as one,
        serve(settings) as other,
        httpx.AsyncClient(base_url=one) as first,
        httpx.AsyncClient(base_url=other) as second,
    ):

        async def statuses() -> set[int]:
            answers = [await client.get(SEARCH, headers=headers) for client in (first, second)]
            answers += [await ask(client) for client in (first, second)]
            return {answer.status_code for answer in answers}

        assert await statuses() == {200}
        for stored in await key_service.list():
            if stored.client_id == "acme":
                await key_service.revoke(stored.id)
        # The documented guarantee, so it is timed. The cache expires after half of it.
        async with asyncio.timeout(10):
            while await statuses() != {401}:  # noqa: ASYNC110 - the only sign is an answer
                await asyncio.sleep(0.2)


async def test_signature_for_another_host_is_rejected(
    key_service: ApiKeyService, serve: Serve, settings: Settings
) -> None:
    here = settings.with_values(hmac_hosts="Inventory.example.com, localhost:3000")
    async with serve(here) as address, httpx.AsyncClient(base_url=address) as client:

        async def status(host: str, **how: Any) -> int:
            request = client.build_request("GET", SEARCH, headers={"Host": host})
            return (await client.send(signed(request, **how))).status_code

        assert await status("inventory.example.com") == 200
        assert await status("INVENTORY.example.com") == 200
        assert await status("localhost:3000") == 200
        assert await status("staging.example.com") == 401
        assert await status("localhost:3001") == 401
        # Version 1 never covered the host.
        assert await status("staging.example.com", client_id="legacy", version=1) == 200


def test_production_logs_warning_without_signature_hosts(settings: Settings) -> None:
    for change, warned in (
        ({}, True), ({"hmac_hosts": "localhost"}, False), ({"hmac_secrets": None}, False), ({"environment": "staging"}, False),
    ):  # fmt: skip
        with capture_logs() as logs:
            create_app(settings.with_values(**change))
        assert [log["event"] for log in logs] == ["signatures for any host are accepted"] * warned, change


async def test_signing_client_has_scopes_of_valid_keys(client: httpx.AsyncClient, key_service: ApiKeyService) -> None:
    await key_service.create("new", "stranger", [Scope.SYNC_READ])
    response = await ask(client, client_id="stranger")
    assert (response.status_code, response.json()["error"]["message"]) == (403, "This needs the scope diamonds:read.")


async def test_body_beyond_limit_is_rejected(client: httpx.AsyncClient) -> None:
    request = signed(client.build_request("POST", "/graphql", content=b"x" * 300_000))
    assert (await client.send(request)).status_code == 413


async def test_reads_are_accepted_and_writes_rejected_without_redis(
    database_url: str, key_service: ApiKeyService, serve: Serve, settings: Settings
) -> None:
    with scratch_directory() as directory:
        valkey = Valkey(directory)
        await valkey.start()
        settings = settings.with_values(redis_url=SecretStr(valkey.url()))
        async with serve(settings) as address, httpx.AsyncClient(base_url=address) as client:
            await valkey.stop()
            request = signed(client.build_request("GET", SEARCH))
            assert [(await client.send(request)).status_code for _ in range(2)] == [200, 200]
            write = client.build_request("POST", "/api/v2/triggers/scheduler", json={"run_type": "full"})
            refused = await client.send(signed(write, "legacy"))
            assert (refused.status_code, refused.json()["error"]) == (
                503,
                {
                    "code": "SERVICE_UNAVAILABLE",
                    "message": "The nonce of the request cannot be checked. Send the request again later with a new nonce.",
                },
            )
            await valkey.start()
            assert [(await client.send(request)).status_code for _ in range(2)] == [200, 401]
        await valkey.stop()
