"""Dashboard: session cookie, permissions of a session, files of the page."""

import asyncio
import gzip
import json
import re
from importlib.metadata import version

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Origin, Subprotocol

from app.auth.api_key_service import ApiKeyService
from app.auth.scopes import Scope
from app.auth.sessions import LIFETIME, PER_KEY
from inventory.core.database import Database
from inventory.core.settings import Settings
from tests.integration.api.diamonds import MakeKey, Serve
from tests.integration.api.websocket import RawSocket

COOKIE = "dashboard-session"
ME = {"query": "{ me { clientId } }"}


def same_site(address: str, cookie: str | None = None) -> dict[str, str]:
    """Headers that a browser sends from a page of the server."""
    return {"Origin": address, **({"Cookie": f"{COOKIE}={cookie}"} if cookie else {})}


async def sign_in(address: str, key: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=address) as client:
        return await client.post("/dashboard/session", headers={**same_site(address), "X-API-Key": key})


async def session(address: str, key: str) -> str:
    response = await sign_in(address, key)
    assert response.status_code == 200, response.text
    return response.cookies[COOKIE]


async def ask(address: str, headers: dict[str, str]) -> httpx.Response:
    async with httpx.AsyncClient(base_url=address) as client:
        return await client.post("/graphql", json=ME, headers=headers)


# Sign-in


async def test_session_cookie_is_http_only_and_same_site(address: str, make_key: MakeKey) -> None:
    key = await make_key(Scope.SYNC_READ)
    response = await sign_in(address, key)
    assert (response.status_code, response.json()) == (200, {"clientId": "test-client"})
    name_and_value, *attributes = response.headers["set-cookie"].split("; ")
    assert name_and_value.startswith(f"{COOKIE}=")
    seconds = int(LIFETIME.total_seconds())
    assert set(attributes) == {"HttpOnly", "SameSite=Strict", "Path=/", f"Max-Age={seconds}"}
    assert key not in response.headers["set-cookie"]
    assert response.headers["cache-control"] == "no-store"


async def test_session_cookie_over_tls_is_secure_and_bound_to_host(
    settings: Settings, serve: Serve, make_key: MakeKey
) -> None:
    async with serve(settings.with_values(trusted_proxies="127.0.0.1")) as address:
        forwarded = {"X-Forwarded-Proto": "https", "Sec-Fetch-Site": "same-origin"}
        async with httpx.AsyncClient(base_url=address, headers=forwarded) as client:
            key = await make_key(Scope.SYNC_READ)
            given = (await client.post("/dashboard/session", headers={"X-API-Key": key})).headers["set-cookie"]
            assert given.startswith("__Host-dashboard-session=")
            assert given.endswith("; Secure")
            token = given.partition(";")[0].partition("=")[2]
            accepted = await client.post("/graphql", json=ME, headers={"Cookie": f"__Host-{COOKIE}={token}"})
            assert accepted.json()["data"]["me"] == {"clientId": "test-client"}
            # Another host of the domain can set a cookie without the prefix.
            tossed = await client.post("/graphql", json=ME, headers={"Cookie": f"{COOKIE}={token}"})
            assert tossed.status_code == 401


@pytest.mark.parametrize(("scopes", "status"), [((), 403), ((Scope.DIAMONDS_READ,), 403), ((Scope.SYNC_READ,), 200)])
async def test_sign_in_requires_sync_read_scope(
    address: str, make_key: MakeKey, scopes: tuple[Scope, ...], status: int
) -> None:
    assert (await sign_in(address, await make_key(*scopes))).status_code == status


async def test_sign_in_rejects_wrong_key(address: str) -> None:
    response = await sign_in(address, "dia_live_nothing")
    assert response.status_code == 401
    assert "set-cookie" not in response.headers


@pytest.mark.parametrize(
    "headers", [{}, {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "same-site"}]
)
async def test_other_origins_cannot_sign_in_or_out_or_use_session(
    address: str, make_key: MakeKey, headers: dict[str, str]
) -> None:
    key = await make_key(Scope.SYNC_READ)
    cookie = {"Cookie": f"{COOKIE}={await session(address, key)}"}
    async with httpx.AsyncClient(base_url=address) as client:
        assert (await client.post("/dashboard/session", headers={**headers, "X-API-Key": key})).status_code == 403
        assert (await client.delete("/dashboard/session", headers={**headers, **cookie})).status_code == 403
        assert (await client.post("/graphql", json=ME, headers={**headers, **cookie})).status_code == 403


# Sessions


async def test_session_has_scopes_of_key(address: str, make_key: MakeKey) -> None:
    given = same_site(address, await session(address, await make_key(Scope.SYNC_READ)))
    async with httpx.AsyncClient(base_url=address, headers=given) as client:
        answer = (
            await client.post("/graphql", json={"query": "{ syncRuns { totalCount } pricingRules { id } }"})
        ).json()
    assert answer["data"] == {"syncRuns": {"totalCount": 0}, "pricingRules": None}
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["FORBIDDEN"]


async def test_session_is_valid_for_graphql_only(address: str, make_key: MakeKey) -> None:
    given = same_site(address, await session(address, await make_key(Scope.SYNC_READ)))
    async with httpx.AsyncClient(base_url=address, headers=given) as client:
        assert (await client.get("/api/v2/analytics/runs")).status_code == 401
        assert (await client.get("/graphql", params={"documentId": "x"})).status_code == 401


async def test_key_in_request_takes_precedence_over_session(address: str, make_key: MakeKey) -> None:
    cookie = await session(address, await make_key(Scope.SYNC_READ))
    answer = await ask(address, {**same_site(address, cookie), "X-API-Key": "dia_live_nothing"})
    assert answer.status_code == 401


async def test_sign_out_ends_session_on_server(address: str, make_key: MakeKey) -> None:
    given = same_site(address, await session(address, await make_key(Scope.SYNC_READ)))
    async with httpx.AsyncClient(base_url=address, headers=given) as client:
        assert (await client.get("/dashboard/session")).json() == {"signedIn": True}
        left = await client.delete("/dashboard/session")
        assert (left.status_code, "Max-Age=0" in left.headers["set-cookie"]) == (204, True)
        assert (await client.get("/dashboard/session")).json() == {"signedIn": False}
    assert (await ask(address, given)).status_code == 401


@pytest.mark.parametrize("token", ["", "x", "x.y", ".", "%00.%00", "é.é", "a" * 600])
async def test_unknown_session_is_rejected(address: str, token: str) -> None:
    cookie = f"{COOKIE}={token}".encode()
    async with httpx.AsyncClient(base_url=address, headers={"Origin": address}) as client:
        answer = await client.post("/graphql", json=ME, headers=[(b"cookie", cookie)])
        assert answer.status_code == 401
        assert (await client.get("/dashboard/session", headers=[(b"cookie", cookie)])).json() == {"signedIn": False}


async def test_revoked_key_ends_sessions_and_sockets(address: str, make_key: MakeKey, database: Database) -> None:
    key = await make_key(Scope.SYNC_READ)
    cookie = await session(address, key)
    async with connect(
        address.replace("http", "ws") + "/graphql",
        subprotocols=[Subprotocol("graphql-transport-ws")],
        origin=Origin(address),
        additional_headers={"Cookie": f"{COOKIE}={cookie}"},
    ) as socket:
        await socket.send('{"type":"connection_init"}')
        assert json.loads(await socket.recv()) == {"type": "connection_ack"}
        await ApiKeyService(database).revoke(key.split("_")[2])
        assert (await ask(address, same_site(address, cookie))).status_code == 401
        assert (await RawSocket(socket).close_reason())[0] == 4401


async def test_socket_of_configured_origin_gets_no_session(settings: Settings, serve: Serve, make_key: MakeKey) -> None:
    key = await make_key(Scope.SYNC_READ)
    async with (
        serve(settings.with_values(cors_origins="https://shop.example")) as address,
        connect(
            address.replace("http", "ws") + "/graphql",
            subprotocols=[Subprotocol("graphql-transport-ws")],
            origin=Origin("https://shop.example"),
            additional_headers={"Cookie": f"{COOKIE}={await session(address, key)}"},
        ) as socket,
    ):
        await socket.send('{"type":"connection_init"}')
        assert (await RawSocket(socket).close_reason())[0] == 4403


async def test_sessions_of_key_are_bounded_and_oldest_is_ended(address: str, make_key: MakeKey) -> None:
    key = await make_key(Scope.SYNC_READ)
    first = await session(address, key)
    others = [await session(address, key) for _ in range(PER_KEY)]
    answers = await asyncio.gather(*(ask(address, same_site(address, one)) for one in (first, others[0], others[-1])))
    assert [answer.status_code for answer in answers] == [401, 200, 200]


# Page


async def test_page_loads_only_files_of_this_server(address: str) -> None:
    async with httpx.AsyncClient(base_url=address) as client:
        page = await client.get("/dashboard")
        assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        policy = page.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert policy.startswith("default-src 'none'; script-src 'self' 'sha256-")
        total = len(gzip.compress(page.content))
        waiting, seen = re.findall(r'(?:src|href)="([^"]+)"', page.text), set[str]()
        waiting += json.loads(re.search(r'importmap">(.+?)</script>', page.text)[1])["imports"].values()  # type: ignore[index]
        while waiting:
            path = waiting.pop()
            if path in seen:
                continue
            seen.add(path)
            assert path.startswith("/"), path
            loaded = await client.get(path)
            assert loaded.status_code == 200, path
            total += len(gzip.compress(loaded.content))
            if path.endswith(("js", "mjs")):
                assert loaded.headers["content-type"] == "text/javascript; charset=utf-8"
                found = re.findall(r'(?:from|import)\s*["\'](\.[^"\']+)["\']', loaded.text)
                waiting += [str(httpx.URL(path).join(one)) for one in found]
    assert "/dashboard/pages/run.js" in seen
    assert total < 200_000


@pytest.mark.parametrize(
    "name", ["dashboard.html", "vendored/x.js", "..%2f__init__.py", "vendored/preact.mjs.gz", "x.js"]
)
async def test_other_files_are_not_served(address: str, name: str) -> None:
    async with httpx.AsyncClient(base_url=address) as client:
        assert (await client.get(f"/dashboard/{name}")).status_code == 404


@pytest.mark.parametrize(("environment", "offered"), [("development", True), ("production", False)])
async def test_landing_page_links_existing_pages(
    settings: Settings, serve: Serve, environment: str, offered: bool
) -> None:
    async with (
        serve(settings.with_values(environment=environment)) as address,
        httpx.AsyncClient(base_url=address) as client,
    ):
        page = await client.get("/", headers={"Accept": "text/html"})
        links = re.findall(r'href="([^"]+)"', page.text)
        assert {"/dashboard", "/api-docs", "/openapi.json", "/favicon.ico"} <= set(links)
        assert ("/graphql" in links) == offered
        for link in links:
            assert (await client.get(link, headers={"Accept": "text/html"})).status_code == 200, link
        assert f"Version {version('diamond-inventory')}<" in page.text


async def test_favicon_is_icon(address: str) -> None:
    async with httpx.AsyncClient(base_url=address) as client:
        icon = await client.get("/favicon.ico")
    assert (icon.status_code, icon.headers["content-type"], icon.content[:4]) == (200, "image/x-icon", b"\0\0\1\0")
