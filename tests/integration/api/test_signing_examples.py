"""Signing examples in each language are accepted by the service."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.integration.api.diamonds import Insert, build
from tests.integration.api.test_signatures import SEARCH, SECRETS, client, key_service, settings

__all__ = ["client", "key_service", "settings"]  # fixtures

EXAMPLES = {
    "sign.py": [sys.executable, "examples/signing/sign.py"],
    "sign.sh": ["examples/signing/sign.sh"],
    "sign.ts": ["node", "examples/signing/build/sign.js"],
}
COMPILER = Path("examples/signing/node_modules/.bin/tsc")
COMPILES = pytest.mark.skipif(not COMPILER.exists(), reason="needs `npm ci` in examples/signing")


@pytest.fixture(scope="module")
def compiled() -> None:
    """The examples in compiled languages."""
    if COMPILER.exists():
        subprocess.run([COMPILER, "--project", "examples/signing"], check=True, timeout=100)  # noqa: S603 - the lock file has it


@pytest.mark.parametrize("name", [pytest.param(name, marks=COMPILES if name == "sign.ts" else ()) for name in EXAMPLES])
async def test_examples_are_accepted_by_service(
    name: str, compiled: None, client: httpx.AsyncClient, insert: Insert
) -> None:
    await insert([build(1), build(2, color="D")])

    async def run(*arguments: str, secret: str = SECRETS["acme"]) -> tuple[int | None, str]:
        process = await asyncio.create_subprocess_exec(
            *EXAMPLES[name], *arguments, cwd=Path.cwd(), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, "CLIENT_ID": "acme", "CLIENT_SECRET": secret},
        )  # fmt: skip
        out, _ = await process.communicate()
        return process.returncode, out.decode()

    code, text = await run("GET", f"{client.base_url}{SEARCH}?color[]=D&cut=very%20good&cut=excellent")
    assert (code, '"total":1' in text) == (0, True), text
    code, text = await run("POST", f"{client.base_url}/graphql", '{"query":"{ diamonds { totalCount } }"}')
    assert (code, '"totalCount":2' in text) == (0, True), text
    code, text = await run("GET", f"{client.base_url}{SEARCH}", secret="wrong")
    assert (code, "UNAUTHORIZED" in text) == (1, True) or (code, "UNAUTHORIZED" in text) == (22, True), text
