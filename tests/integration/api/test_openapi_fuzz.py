"""Schemathesis over the OpenAPI document, all checks: requests and responses follow the document."""

import asyncio
import re
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from app.auth.scopes import Scope
from inventory.core.settings import Settings
from tests.integration.api.diamonds import MakeKey

# An address may be both invalid and too long. Too long addresses are not validated further.
CONFIGURATION = """\
[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 406, 409, 415, 422, 428, 429, 431]

# A single text is the list of this text in a query, and Schemathesis takes it for a violation where the list may also be empty.
# tests/unit/rest and tests/integration/api/test_rest.py have the invalid values of a search.
[[operations]]
include-operation-id = "searchDiamonds"
checks.negative_data_rejection.expected-statuses = [200, 400, 401, 403, 404, 405, 406, 409, 415, 422, 428, 429, 431]

# A reference of invisible characters fits the schema, and is refused: JSON Schema has no portable name for them.
[[operations]]
include-operation-id = "holdDiamond"
checks.positive_data_acceptance.expected-statuses = ["2xx", 400, 401, 403, 404, 409, 429, "5xx"]

# So does a destination that the account does not have.
[[operations]]
include-operation-id = "purchaseDiamond"
checks.positive_data_acceptance.expected-statuses = ["2xx", 400, 401, 403, 404, 409, 429, "5xx"]
"""
SCHEMATHESIS = Path(sys.executable).with_name("st")


async def fuzz(address: str, *arguments: str, place: Path) -> tuple[int | None, str]:
    """Run the Schemathesis command. Returns its exit code and output."""
    (place / "schemathesis.toml").write_text(CONFIGURATION, "utf-8")
    process = await asyncio.create_subprocess_exec(
        *(SCHEMATHESIS, "run", f"{address}/openapi.json", "--checks", "all", "--max-examples", "12", "--no-color"),
        *("--continue-on-failure", "--suppress-health-check", "all", "--warnings", "off", *arguments),
        cwd=place, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await process.communicate()
    return process.returncode, out.decode()


@pytest.fixture
def settings(supplier_settings: Settings) -> Settings:
    return supplier_settings


@pytest.mark.timeout(400)  # a thousand requests each, on any machine
@pytest.mark.parametrize("scopes", [(), Scope], ids=["no scope", "every scope"])
@pytest.mark.usefixtures("stocked_inventory")
async def test_responses_follow_openapi_document(
    address: str, make_key: MakeKey, tmp_path: Path, scopes: Iterable[Scope]
) -> None:
    headers = ("--header", f"X-API-Key: {await make_key(*scopes)}") if scopes else ()
    code, text = await fuzz(address, *headers, place=tmp_path)
    assert code == 0, text
    generated = re.search(r"(\d+) generated", text)
    assert generated
    assert int(generated[1]) > 500, text
