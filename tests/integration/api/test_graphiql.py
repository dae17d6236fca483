"""GraphiQL in a browser, and its absence in production."""

import base64
import gzip
import hashlib
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import httpx
import pytest
from graphql import parse, validate

from app.auth.scopes import Scope
from app.dashboard.assets import FILES as DASHBOARD
from app.dashboard.assets import VENDORED
from app.graphql.http.graphiql_page import FILES as GRAPHIQL
from app.graphql.schema import schema
from app.http.vendored import VendoredFiles
from app.rest.documentation import FILES as SWAGGER_UI
from inventory.core.settings import Settings
from tests.foreign.npm import run_node
from tests.integration.api.diamonds import Insert, MakeKey, Serve, build

PLACE = Path(__file__).parents[3] / "app" / "graphql" / "http" / "graphiql"
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
OWN = ("page.js", "page.css", "examples.json")


@pytest.fixture
def development(settings: Settings) -> Settings:
    return settings.with_values(environment="development")


@pytest.mark.skipif(BROWSER is None, reason="needs a Chromium")
@pytest.mark.timeout(240)
async def test_browser_page_takes_key_and_runs_example_on_this_server_only(
    serve: Serve, development: Settings, make_key: MakeKey, insert: Insert
) -> None:
    await insert([build(1, shape="ROUND", carat_milli=1010), build(2, shape="ROUND", carat_milli=1200)])
    key = await make_key(Scope.DIAMONDS_READ)
    async with serve(development) as url:
        given = {"URL": url, "KEY": key, "CHROMIUM": BROWSER or "", "HOME": os.environ.get("HOME", "/tmp")}  # noqa: S108
        seen = json.loads(await run_node("browser", "graphiql.js", given))
    assert seen["anonymous"] == "Without a key only the schema can be read."
    assert seen["authorized"] == "test-client: diamonds:read"
    assert [name for name in ("Search", "Facets", "Certificate", "Me", "Runs") if name not in str(seen["tabs"])] == []
    assert '"totalCount": 2' in seen["result"].replace("\xa0", " ")
    assert (seen["complaints"], seen["elsewhere"]) == ([], [])


@pytest.mark.parametrize("files", [GRAPHIQL, SWAGGER_UI, DASHBOARD])
def test_vendored_files_have_pinned_versions_and_hashes(files: VendoredFiles) -> None:
    wanted = json.loads(Path(".ci/consoles/package.json").read_text("utf-8"))["dependencies"]
    assert {path.name for path in files.directory.iterdir()} == {f"{file.name}.gz" for file in files.files}
    for file in files.files:
        digest = hashlib.sha384(gzip.decompress((files.directory / f"{file.name}.gz").read_bytes())).digest()
        assert file.integrity == f"sha384-{base64.b64encode(digest).decode()}", file.name
        assert file.version == wanted[file.package]


@pytest.mark.parametrize(
    ("prefix", "files"), [("/graphql/page", GRAPHIQL), ("/api-docs", SWAGGER_UI), (VENDORED, DASHBOARD)]
)
async def test_each_file_is_served_compressed_and_plain(
    serve: Serve, development: Settings, prefix: str, files: VendoredFiles
) -> None:
    async with serve(development) as url, httpx.AsyncClient(base_url=url) as client:
        for file in files.files:
            packed, plain = [
                await client.get(f"{prefix}/{file.name}", headers={"Accept-Encoding": coding})
                for coding in ("gzip", "identity")
            ]
            assert packed.headers["content-encoding"] == "gzip"
            assert "content-encoding" not in plain.headers
            assert packed.content == plain.content
            assert int(packed.headers["content-length"]) < int(plain.headers["content-length"])
            assert plain.headers["content-type"].startswith(file.media_type)


async def test_pages_name_no_other_server(serve: Serve, development: Settings) -> None:
    async with serve(development) as url, httpx.AsyncClient(base_url=url) as client:
        for path in ("/graphql", "/api-docs"):
            page = await client.get(path, headers={"Accept": "text/html"})
            assert not re.search(r"https?://", page.text)
            policy = page.headers["content-security-policy"]
            assert "http" not in policy
            assert "unsafe-eval" not in policy
            assert "'unsafe-inline'" not in policy.partition("script-src")[2].partition(";")[0]
            for integrity in re.findall(r'integrity="([^"]+)"', page.text):
                assert integrity in {file.integrity for files in (GRAPHIQL, SWAGGER_UI) for file in files.files}


async def test_graphiql_is_absent_in_production(address: str) -> None:
    async with httpx.AsyncClient(base_url=address) as client:
        for name in (*OWN, *(file.name for file in GRAPHIQL.files)):
            assert (await client.get(f"/graphql/page/{name}")).status_code == 404
        page = await client.get("/graphql", headers={"Accept": "text/html"})
        assert "graphiql" not in page.text.lower()
        assert "script-src" not in page.headers["content-security-policy"]


async def test_development_serves_own_files_only(serve: Serve, development: Settings) -> None:
    async with serve(development) as url, httpx.AsyncClient(base_url=url) as client:
        for name in OWN:
            assert (await client.get(f"/graphql/page/{name}")).status_code == 200
        for name in ("page.html", "package.json", "..%2fide.py", "%2e%2e/ide.py"):
            assert (await client.get(f"/graphql/page/{name}")).status_code == 404, name


def test_every_example_is_valid_for_schema() -> None:
    examples: list[dict[str, Any]] = json.loads((PLACE / "examples.json").read_text("utf-8"))
    assert len(examples) >= 5
    for example in examples:
        assert validate(schema._schema, parse(example["query"])) == []
