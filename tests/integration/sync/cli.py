"""Commands of the pipeline as an operator types them, in this process."""

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
    """Types commands. In a thread, because a command runs an event loop of its own."""

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
    # A command sets up logging for its process; this one goes on.
    root.handlers = handlers
    structlog.reset_defaults()
