"""Example shop: types match the schema, the key stays in the back end, shoppers are separate."""

import asyncio
import os
import re
import shutil
import sys
from pathlib import Path

import aiohttp
import msgspec
import pytest

from tests.acceptance.commands import clean_environment, started
from tests.foreign.npm import run_node

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(400)]

PLACE = Path(__file__).parents[2] / "examples" / "storefront"
INSTALLED = PLACE / "node_modules" / ".bin" / "graphql-codegen"
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
START_SECONDS = 240
UP = ("up", "--stones", "100", "--generated", "1500", "--port", "0")


@pytest.mark.skipif(not INSTALLED.exists(), reason="needs `npm ci` in examples/storefront")
async def test_pages_match_types_generated_from_schema() -> None:
    process = await asyncio.create_subprocess_exec(
        *(shutil.which("npm") or "", "run", "check"),
        cwd=PLACE,
        env={**clean_environment(), "PATH": os.environ["PATH"]},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()


@pytest.mark.skipif(BROWSER is None, reason="needs a Chromium")
async def test_shopper_filters_compares_holds_and_buys_beside_another(tmp_path: Path) -> None:
    path = tmp_path / "up.json"
    async with started(*UP, "--json", str(path)) as command:
        await command.said("Ready: ", START_SECONDS)
        address = msgspec.json.decode(path.read_bytes())
        given = {
            "URL": address["api"],
            "CHROMIUM": BROWSER or "",
            "HOME": os.environ.get("HOME", "/tmp"),  # noqa: S108 - the browser wants one
            "SHOTS": os.environ.get("SHOTS", ""),
            "CONTROL": address["supplier_control"],
            "ADMIN_KEY": address["admin_key"],
        }
        seen = msgspec.json.decode(await run_node("browser", "shop.js", given))
    sys.stdout.write(f"the hold was shown in three windows {seen['seenAfter']} ms after the click\n")
    assert (seen["complaints"], seen["withKey"], seen["scripts"]) == ([], 0, "")
    # The count of a facet equals the result of its choice. Each further choice finds fewer.
    assert int(seen["counted"].replace(",", "")) == seen["ovals"]
    assert seen["all"] > seen["ovals"] > seen["before"] > seen["graded"] > 4
    weights = [float(name.removesuffix(" ct Oval")) for name in seen["weights"]]
    assert weights == sorted(weights, reverse=True)
    assert all(1 <= weight <= 2 for weight in weights)
    assert (seen["compared"], seen["refusedFifth"]) == (4, "At most 4 diamonds can be compared.")
    assert seen["differing"] > 0
    held = seen["held"]
    left = r"(24:00:00|23:5\d:\d\d) left"
    assert re.match(f"Held for you, {left}", held["here"])
    assert re.match(f"Held for you, {left}", held["window"])
    assert re.match(f"On hold, {left}", held["other"])
    assert seen["otherMayBuy"] is False
    assert seen["refusals"] == {"hold": "ALREADY_HELD", "buy": "ALREADY_HELD", "release": "NOT_FOUND"}
    (purchase,) = seen["purchases"]
    assert seen["name"] in purchase
    assert "Ordered" in purchase
    assert seen["purchasesOfOther"] == 0
    assert (seen["gone"], seen["pictured"], seen["afterwards"]) == (True, True, seen["purchases"])


async def test_back_end_sends_own_operations_to_shoppers_only(tmp_path: Path) -> None:
    path = tmp_path / "up.json"
    async with started(*UP, "--json", str(path)) as command:
        await command.said("Ready: ")
        address = msgspec.json.decode(path.read_bytes())
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(cookie_jar=jar) as session:
            async with session.get(address["shop"]) as page:
                shop = str(page.url)
                assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
                assert address["shop_key"] not in await page.text()
                (cookie,) = page.cookies.values()
            assert (cookie["httponly"], cookie["samesite"]) == (True, "strict")

            async def answer(action: str, body: bytes, kind: str = "application/json") -> tuple[int, bytes]:
                async with session.post(f"{shop}/api/{action}", data=body, headers={"Content-Type": kind}) as response:
                    return response.status, await response.read()

            assert (await answer("search", b"{}"))[0] == 200
            assert (await answer("Search", b"{}"))[0] == 404
            assert (await answer("search", b"{}", "text/plain"))[0] == 415
            assert (await answer("search", b"[]"))[0] == 400
            assert (await answer("search", b"{" * 20_000))[0] == 413
            assert (await answer("hold", b"{}"))[0] == 400
            status, text = await answer("search", b'{"filter": {"supplierPrice": {"min": 1}}}')
            assert (status, b"prices:supplier" in text) == (502, True)
            jar.clear()
            assert (await answer("search", b"{}"))[0] == 403
            for name in ("server.py", "../server.py", "%2e%2e/server.py"):
                async with session.get(f"{shop}/{name}") as response:
                    assert response.status == 404
