"""A client that knows the contract's page and nothing of this project gets along with the service."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from app.auth.api_key_service import ApiKeyService
from app.auth.scopes import Scope
from inventory.core.database import Database
from inventory.core.settings import Settings
from tests.integration.api.diamonds import MakeKey

CLIENT = Path(__file__).parents[2] / "foreign" / "rest_client.py"
SECRET = "what legacy signs with"


@pytest.fixture
def settings(supplied: Settings) -> Settings:
    return supplied.with_values(hmac_secrets=json.dumps({"legacy": SECRET}))


@pytest.mark.usefixtures("stocked")
async def test_a_client_written_against_the_contract_alone_works(
    address: str, settings: Settings, make_key: MakeKey, tmp_path: Path
) -> None:
    async with Database.open(settings.database) as database:
        await ApiKeyService(database).create("legacy", "legacy", list(Scope), signature_v1=True)
    given = {
        "url": address, "client_id": "legacy", "secret": SECRET,
        "key": await make_key(*Scope), "plain_key": await make_key(Scope.DIAMONDS_READ),
    }  # fmt: skip
    # Isolated, and from elsewhere: it could not import this project if it wanted to.
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", CLIENT), cwd=tmp_path,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate(json.dumps(given).encode())
    assert process.returncode == 0, err.decode()
    assert len(out.splitlines()) == 9
