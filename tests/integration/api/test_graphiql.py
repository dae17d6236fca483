"""GraphiQL: what a browser makes of it, and that there is none of it in production."""

import base64
import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import httpx
import pytest
from graphql import parse, validate

from app.auth.scopes import Scope
from app.graphql.http.graphiql_page import ASSETS, GraphiQL
from app.graphql.schema import schema
from inventory.core.settings import Settings
from tests.foreign.npm import run_node
from tests.integration.api.diamonds import Insert, MakeKey, Serve, build

PLACE = Path(__file__).parents[3] / "app" / "graphql" / "http" / "graphiql"
MODULES = PLACE / "node_modules"
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
OWN = ("page.js", "page.css", "examples.json")

installed = pytest.mark.skipif(not MODULES.exists(), reason="needs `make graphiql`")


@pytest.fixture
def development(settings: Settings) -> Settings:
    return settings.model_copy(update={"environment": "development"})


@installed
@pytest.mark.skipif(BROWSER is None, reason="needs a Chromium")
@pytest.mark.timeout(240)
async def test_in_a_browser_the_page_takes_a_key_and_answers_an_example_without_asking_elsewhere(
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


@installed
def test_the_hashes_are_those_of_the_files_that_the_lock_file_installs() -> None:
    wanted = json.loads((PLACE / "package.json").read_text("utf-8"))["dependencies"]
    for asset in ASSETS:
        digest = hashlib.sha384((MODULES / asset.package / asset.path).read_bytes()).digest()
        assert asset.integrity == f"sha384-{base64.b64encode(digest).decode()}", asset.name
        assert asset.version == wanted[asset.package]


def test_without_the_files_the_page_asks_a_cdn_for_just_these_by_their_hashes(tmp_path: Path) -> None:
    shown = GraphiQL(tmp_path).show()
    page, policy = bytes(shown.body).decode(), shown.headers["content-security-policy"]
    for asset in ASSETS:
        assert f'{asset.cdn_url}" integrity="{asset.integrity}" crossorigin' in page
        assert asset.cdn_url in policy
    assert policy.count("https:") == len(ASSETS)
    assert "unsafe-eval" not in policy
    assert "'unsafe-inline'" not in policy.partition("script-src")[2].partition(";")[0]


async def test_in_production_nothing_of_it_is_there(address: str) -> None:
    async with httpx.AsyncClient(base_url=address) as client:
        for name in (*OWN, *(asset.name for asset in ASSETS)):
            assert (await client.get(f"/graphql/page/{name}")).status_code == 404
        page = await client.get("/graphql", headers={"Accept": "text/html"})
        assert "graphiql" not in page.text.lower()
        assert "script-src" not in page.headers["content-security-policy"]


async def test_in_development_its_own_files_are_served_and_no_others(serve: Serve, development: Settings) -> None:
    async with serve(development) as url, httpx.AsyncClient(base_url=url) as client:
        for name in OWN:
            assert (await client.get(f"/graphql/page/{name}")).status_code == 200
        for name in ("page.html", "package.json", "..%2fide.py", "%2e%2e/ide.py"):
            assert (await client.get(f"/graphql/page/{name}")).status_code == 404, name


def test_every_example_fits_the_schema() -> None:
    examples: list[dict[str, Any]] = json.loads((PLACE / "examples.json").read_text("utf-8"))
    assert len(examples) >= 5
    for example in examples:
        assert validate(schema._schema, parse(example["query"])) == []
