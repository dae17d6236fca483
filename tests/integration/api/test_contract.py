"""Client that is written against the REST contract only, without this project's code."""

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
def settings(supplier_settings: Settings) -> Settings:
    return supplier_settings.with_values(hmac_secrets=json.dumps({"legacy": SECRET}))


@pytest.mark.usefixtures("stocked_inventory")
async def test_client_of_contract_works(address: str, settings: Settings, make_key: MakeKey, tmp_path: Path) -> None:
    async with Database.open(settings.database) as database:
        await ApiKeyService(database).create("legacy", "legacy", list(Scope), signature_v1=True)
    given = {
        "url": address, "client_id": "legacy", "secret": SECRET,
        "key": await make_key(*Scope), "plain_key": await make_key(Scope.DIAMONDS_READ),
    }  # fmt: skip
    # Isolated and in another directory, so that it cannot import this project.
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", CLIENT), cwd=tmp_path,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate(json.dumps(given).encode())
    assert process.returncode == 0, err.decode()
    assert len(out.splitlines()) == 9
