"""Schemathesis over the GraphQL schema: every valid operation is answered without a 5xx."""

import asyncio
import re
import sys
from pathlib import Path

import pytest

from app.auth.scopes import Scope
from inventory.core.settings import Settings
from tests.integration.api.diamonds import Insert, MakeKey, build
from tests.integration.api.runs import build_partition, build_run

SCHEMATHESIS = Path(sys.executable).with_name("st")


async def fuzz(address: str, key: str, place: Path) -> tuple[int | None, str]:
    """Run the Schemathesis command. Returns its exit code and output."""
    process = await asyncio.create_subprocess_exec(
        *(SCHEMATHESIS, "run", f"{address}/graphql", "--max-examples", "10", "--no-color", "--request-timeout", "40"),
        # The schema does not define valid cursors and pages: their rejection is no failure.
        *("--exclude-checks", "positive_data_acceptance", "--header", f"X-API-Key: {key}", "--continue-on-failure"),
        *("--suppress-health-check", "all", "--warnings", "off"),
        # It answers 503 without the jobs role; tests/integration/sync/test_dead_letters.py tests it.
        *("--exclude-name", "Query.deadLetters"),
        cwd=place, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await process.communicate()
    return process.returncode, out.decode()


@pytest.fixture
def settings(supplier_settings: Settings) -> Settings:
    return supplier_settings


@pytest.mark.timeout(400)  # hundreds of requests on any machine
async def test_valid_operations_never_return_5xx(
    address: str, make_key: MakeKey, insert: Insert, tmp_path: Path
) -> None:
    await insert([build(number) for number in range(1, 4)])
    await insert([build_run(number) for number in (1, 2)], table="run_metadata")
    await insert([build_partition(1, 1), build_partition(1, 2, status="failed")], table="worker_runs")
    code, text = await fuzz(address, await make_key(*Scope), tmp_path)
    assert code == 0, text
    generated = re.search(r"(\d+) generated", text)
    assert generated, text
    assert int(generated[1]) > 200, text
