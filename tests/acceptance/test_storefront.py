"""The example of a shop, by its own instructions: generated, compiled, and run against a whole stack."""

import asyncio
import os
import re
import shutil
from pathlib import Path

import pytest

from tests.acceptance.commands import own_environment
from tests.acceptance.walk import stack

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(300)]

PLACE = Path(__file__).parents[2] / "examples" / "storefront"
INSTALLED = PLACE / "node_modules" / ".bin" / "graphql-codegen"
STONE = re.compile(r"^  \d+\.\d\d ct (ROUND|OVAL) .*: \$[\d,]+\.\d\d$", re.MULTILINE)


async def run(*command: str, **environment: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=PLACE,
        env={**own_environment(), **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
    return out.decode()


@pytest.mark.skipif(not INSTALLED.exists(), reason="needs `npm ci` in examples/storefront")
async def test_a_shop_searches_pages_and_holds_with_a_stock_client_and_generated_types() -> None:
    npm = shutil.which("npm") or ""
    await run(npm, "run", "build", PATH=os.environ["PATH"])
    async with stack(500) as address:
        said = await run(npm, "start", "--", address.api, PATH=os.environ["PATH"], API_KEY=address.client_keys[0])
    assert said.count("A page of 3 of ") == 2
    assert len(set(STONE.findall(said))) >= 1
    assert len(STONE.findall(said)) == 6
    assert "Hold: ACTIVE until 2" in said
    assert "In the cache: ON_HOLD" in said
