"""The clients of docs/clients.md, unmodified, against the real endpoint. `make clients` installs them."""

import asyncio
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from app.auth.scopes import Scope
from inventory.core.database import Database
from inventory.core.settings import Settings
from tests.integration.api.diamonds import Insert, MakeKey, build
from tests.integration.api.wire import happen

ROOT = Path(__file__).parents[3]
PLACE = ROOT / "examples" / "clients"
PYTHON = ROOT / ".local" / "clients" / "bin" / "python"
NODE = shutil.which("node")
DOCUMENT = ROOT / "docs" / "clients.md"
SECONDS = 60
CLIENTS: Mapping[str, tuple[str, ...]] = {
    "Apollo Client": ("node", "apollo.js"),
    "urql": ("node", "urql.js"),
    "Relay": ("node", "relay.js"),
    "GraphQL Code Generator": ("node", "build/typed.js"),
    "openapi-typescript": ("node", "build/rest.js"),
    "gql": ("python", "gql_client.py"),
    "ariadne-codegen": ("python", "ariadne_client.py"),
}
FOLLOWERS = {"graphql-ws": "graphql-ws.js", "graphql-sse": "graphql-sse.js"}
# Each block of the document that shows a file says which.
SHOWN = re.compile(r"`(?P<name>[\w./-]+)`:\n\n```\w+\n(?P<text>.*?)```\n", re.DOTALL)

installed = pytest.mark.skipif(
    not (NODE and PYTHON.exists() and (PLACE / "build" / "rest.js").exists()), reason="needs `make clients`"
)


async def start(address: str, key: str, *command: str) -> asyncio.subprocess.Process:
    program = {"node": NODE or "", "python": str(PYTHON)}[command[0]]
    return await asyncio.create_subprocess_exec(
        program,
        *command[1:],
        cwd=PLACE,
        env={"PATH": os.environ["PATH"], "API_URL": address, "API_KEY": key},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


@installed
@pytest.mark.parametrize("client", CLIENTS)
async def test_a_client_reads_the_two_cheapest_stones(
    address: str, make_key: MakeKey, insert: Insert, client: str
) -> None:
    await insert([build(number, retail_price_cents=number * 1000) for number in (3, 1, 2)])
    process = await start(address, await make_key(Scope.DIAMONDS_READ), *CLIENTS[client])
    async with asyncio.timeout(SECONDS):
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    assert out.decode().splitlines() == ["stone-1 1000", "stone-2 2000"]


@installed
@pytest.mark.parametrize("client", FOLLOWERS)
async def test_a_client_queries_and_follows_what_happens_after_the_query(
    address: str, make_key: MakeKey, insert: Insert, settings: Settings, client: str
) -> None:
    await insert([build(number, retail_price_cents=number * 1000) for number in (3, 1, 2)])
    process = await start(address, await make_key(Scope.DIAMONDS_READ), "node", FOLLOWERS[client])
    assert process.stdout is not None
    async with asyncio.timeout(SECONDS), Database.open(settings) as database:
        lines = [(await process.stdout.readline()).decode().strip() for _ in range(3)]
        await happen(database, 1)
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    assert lines == ["stone-1 1000", "stone-2 2000", "subscribed"]
    assert out.decode().strip() == "DIAMONDS_CHANGED"


def test_the_document_shows_the_files_that_are_tested() -> None:
    shown = {match["name"]: match["text"] for match in SHOWN.finditer(DOCUMENT.read_text("utf-8"))}
    assert {command[1].replace("build/", "").replace("rest.js", "rest.ts").replace("typed.js", "typed.ts")
            for command in CLIENTS.values()} | set(FOLLOWERS.values()) <= shown.keys()  # fmt: skip
    for name, text in shown.items():
        assert text == (PLACE / name).read_text("utf-8"), f"docs/clients.md shows another {name}"
