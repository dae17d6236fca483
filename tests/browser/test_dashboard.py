"""Dashboard in a browser with the real stack: an operator's work after a failed night."""

import asyncio
import json
import os
import re
import shutil
from pathlib import Path

import msgspec
import pytest

from sandbox.up import Address
from tests.acceptance.commands import started
from tests.foreign.npm import run_node

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(900)]

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
STONES = 1200
SECONDS = 600
START_SECONDS = 240
HERE = Path(__file__).parent
SHOTS = HERE.parents[1] / ".local" / "screenshots"


@pytest.mark.skipif(BROWSER is None, reason="needs a Chromium")
async def test_operator_repairs_sync_and_changes_prices_with_dashboard_only(tmp_path: Path) -> None:
    file = tmp_path / "up.json"
    await asyncio.to_thread(SHOTS.mkdir, parents=True, exist_ok=True)
    async with started("up", "--stones", f"{STONES}", "--port", "0", "--json", f"{file}") as stack:
        await stack.said("Ready", START_SECONDS)
        address = msgspec.json.decode(file.read_bytes(), type=Address)
        given = {
            "URL": address.api,
            "KEY": address.admin_key,
            "CONTROL": address.supplier_control or "",
            "CHROMIUM": BROWSER or "",
            "SHOTS": f"{SHOTS}",
            "HOME": os.environ.get("HOME", "/tmp"),  # noqa: S108 - the browser wants one
        }
        seen = json.loads(await run_node(HERE, "dashboard.js", given, SECONDS))
    assert "The API key is not valid." in seen["refused"]
    assert seen["verdict"] == "✓ The last sync succeeded."
    assert re.search(r"As of \d\d:\d\d:\d\d UTC\.", seen["overview"])
    assert re.search(r"by the full run of \d{4}-\d\d-\d\d \d\d:\d\d UTC", seen["overview"])
    assert "if your own scheduler runs diamonds-sync schedule; the jobs role does not" in seen["overview"]
    assert seen["stored"] == '[{},{},""]'
    assert seen["watched"] == "✓ Completed"
    assert (seen["partial"], seen["retried"]) == ("◐ Partial", "✓ Completed")
    assert "Read again from the beginning: " in seen["preview"]
    assert (seen["stopped"], seen["unconfirmed"], seen["allowed"]) == ("✕ Failed", True, "✓ Completed")
    assert "MASS_DELETE_STOPPED" in seen["reason"]
    assert "`" not in seen["reason"]
    assert seen["command"].startswith("diamonds-sync consolidate --allow-mass-delete ")
    assert seen["file"].startswith("missing-")
    header, *rows = seen["list"]
    assert header == "supplier_stone_id,diamond_id,shape,carat,retail_price_usd"
    assert seen["number"] > 100  # more than a page of the list
    assert len({row.partition(",")[0] for row in rows if row}) == seen["number"]
    assert "admin" in seen["by"]
    assert seen["held"]
    for found in (seen["soldById"], seen["soldByReport"]):
        assert "Sold" in found
        assert seen["soldReport"] in found
    assert "Total then" in seen["rulePreview"]
    assert "markup ratio: 1.3 → 1.4" in seen["change"]
    assert "admin" in seen["change"]
    assert seen["undone"] == "undone"
    assert seen["fresh"].startswith("dia_live_")
    assert seen["status"].startswith("✓ No check has failed")
    assert seen["repriced"].startswith("Repriced:")
    assert seen["firstStop"] == "Skip to content"
    assert {name: seen[name] for name in ("complaints", "elsewhere", "axeFindings", "sideways")} == {
        "complaints": [],
        "elsewhere": [],
        "axeFindings": [],
        "sideways": [],
    }
