"""The clients of docs/how-to/clients.md, unmodified, with the real endpoint. `make clients` installs them."""

import asyncio
import json
import os
import re
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from app.auth.scopes import Scope
from app.graphql.execution import persisted_queries
from inventory.core.database import Database
from inventory.core.settings import Settings
from tests.integration.api.diamonds import Insert, MakeKey, build
from tests.integration.api.websocket import append_event

ROOT = Path(__file__).parents[3]
PLACE = ROOT / "examples" / "clients"
PYTHON = ROOT / ".local" / "clients" / "bin" / "python"
NODE = shutil.which("node")
DOCUMENT = ROOT / "docs" / "how-to" / "clients.md"
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
# Packages whose name differs from the client's.
PACKAGES = {
    "Apollo Client": "@apollo/client",
    "urql": "@urql/core",
    "Relay": "relay-runtime",
    "GraphQL Code Generator": "@graphql-codegen/cli",
}
FOLLOWERS = {"graphql-ws": "graphql-ws.js", "graphql-sse": "graphql-sse.js"}
# Files that are no programs: sources from which programs are generated or installed.
CONFIGURATIONS = {"codegen.ts", "relay.config.json", "relay/shop.js", "ariadne.toml", "shop.graphql", "requirements.in"}
# Each block of the document that shows a file names it. The others are commands.
SHOWN = re.compile(r"`(?P<name>[\w./-]+)`:\n\n```\w+\n(?P<text>.*?)```\n", re.DOTALL)

COMMAND = re.compile(r"```sh\n(?P<text>.*?)\n```\n", re.DOTALL)
FENCE = re.compile(r"^```\w+$", re.MULTILINE)

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


@asynccontextmanager
async def ended(process: asyncio.subprocess.Process) -> AsyncIterator[None]:
    """Wait up to the time limit, then kill the client."""
    try:
        async with asyncio.timeout(SECONDS):
            yield
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@installed
@pytest.mark.parametrize("client", CLIENTS)
async def test_client_reads_two_cheapest_stones(address: str, make_key: MakeKey, insert: Insert, client: str) -> None:
    await insert([build(number, retail_price_cents=number * 1000) for number in (3, 1, 2)])
    process = await start(address, await make_key(Scope.DIAMONDS_READ), *CLIENTS[client])
    async with ended(process):
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    assert out.decode().splitlines() == ["stone-1 1000", "stone-2 2000"]


@installed
@pytest.mark.parametrize("client", FOLLOWERS)
async def test_client_queries_and_follows_later_events(
    address: str, make_key: MakeKey, insert: Insert, settings: Settings, client: str
) -> None:
    await insert([build(number, retail_price_cents=number * 1000) for number in (3, 1, 2)])
    process = await start(address, await make_key(Scope.DIAMONDS_READ), "node", FOLLOWERS[client])
    assert process.stdout is not None
    async with ended(process), Database.open(settings.database) as database:
        lines = [(await process.stdout.readline()).decode().strip() for _ in range(3)]
        await append_event(database, 1)
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    assert lines == ["stone-1 1000", "stone-2 2000", "subscribed"]
    assert out.decode().strip() == "DIAMONDS_CHANGED"


@installed
async def test_apollo_sends_document_after_persisted_query_not_found(
    address: str, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[bool, bool]] = []
    check = persisted_queries.check

    def observed(extensions: object, query: str | None, registered: str | None) -> None:
        sent.append((isinstance(extensions, Mapping) and "persistedQuery" in extensions, query is not None))
        check(extensions, query, registered)

    monkeypatch.setattr(persisted_queries, "check", observed)
    process = await start(address, key, "node", "apollo.js")
    async with ended(process):
        _, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    # The hash alone, then the document without hash: the link has learned that the API stores no documents.
    assert sent == [(True, False), (False, True)]


def test_document_shows_tested_files() -> None:
    document = DOCUMENT.read_text("utf-8")
    shown = {match["name"]: match["text"] for match in SHOWN.finditer(document)}
    programs = {command[1] for command in CLIENTS.values()} | set(FOLLOWERS.values())
    # Compiled programs are shown by their sources.
    written = {re.sub(r"^build/(.*)\.js$", r"\1.ts", name) for name in programs}
    assert shown.keys() == written | CONFIGURATIONS
    for name, text in shown.items():
        assert text == (PLACE / name).read_text("utf-8"), f"docs/how-to/clients.md shows another {name}"
    commands = COMMAND.findall(document)
    assert len(FENCE.findall(document)) == len(shown) + len(commands), "a block shows neither a file nor a command"
    build = (PLACE / "package.json").read_text("utf-8") + (ROOT / "Makefile").read_text("utf-8")
    assert [command for command in commands if command not in build] == []


def test_document_names_tested_versions() -> None:
    package = json.loads((PLACE / "package.json").read_text("utf-8"))
    pinned = {**package["dependencies"], **package["devDependencies"]}
    pinned |= re.findall(r"^([\w-]+)(?:\[\w+\])?==(\S+)$", (PLACE / "requirements.in").read_text("utf-8"), re.MULTILINE)
    named = dict(re.findall(r"^\| \[([^]]+)\]\(#[\w-]+\) ([\d.]+)", DOCUMENT.read_text("utf-8"), re.MULTILINE))
    assert named.keys() == CLIENTS.keys() | FOLLOWERS.keys()
    for client, version in named.items():
        assert pinned[PACKAGES.get(client, client)].startswith(f"{version}."), client
