"""Pipeline commands in the process of the test."""

import asyncio
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from typer.testing import CliRunner, Result

from inventory.core.settings import Settings
from sync.cli.operators import app


class Cli:
    """Runs commands. In a thread, because a command runs its own event loop."""

    async def __call__(self, *arguments: str, answer: str = "") -> Result:
        return await asyncio.to_thread(CliRunner().invoke, app, arguments, input=answer)

    async def document(self, *arguments: str) -> Any:
        result = await self(*arguments, "--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)


@pytest.fixture
def cli(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cli]:
    monkeypatch.setenv("DATABASE_URL", settings.database.need("url"))
    monkeypatch.setenv("AZURE_SERVICE_BUS_CONNECTION_STRING", settings.service_bus.need("connection_string"))
    monkeypatch.setenv("WATERMARK_DIRECTORY", settings.watermark.need("directory"))
    monkeypatch.setenv("COLUMNS", "80")
    root = logging.getLogger()
    handlers = root.handlers
    yield Cli()
    # A command configures logging for its process, and this process continues.
    root.handlers = handlers
    structlog.reset_defaults()
