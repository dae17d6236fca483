"""The command `doctor`: checks of an installation, one subject each."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated

import msgspec
import typer

from app.doctor import redis as redis_check
from app.doctor import supplier as supplier_check
from app.doctor.checks import DoctorReport, printed
from inventory.core import logging
from inventory.core.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Check what this installation depends on.")

_SECONDS = 300

AsJson = Annotated[bool, typer.Option("--json", help="For machines.")]


@app.callback()
def doctor() -> None:
    """Check what this installation depends on. Exit 1 if something does not work."""


@app.command()
def supplier(as_json: AsJson = False) -> None:
    """Check the supplier: its schema, the login, counts and lookups. Reads only."""
    _run(supplier_check.examine, as_json=as_json)


@app.command()
def redis(as_json: AsJson = False) -> None:
    """Check Redis: whether it answers, its mode and its eviction policy. Reads only."""
    _run(redis_check.examine, as_json=as_json)


def _run(examine: Callable[[Settings], Awaitable[DoctorReport]], *, as_json: bool) -> None:
    settings = Settings.read()
    logging.configure("ERROR", settings.log_format, "doctor")

    async def run() -> DoctorReport:
        async with asyncio.timeout(_SECONDS):
            return await examine(settings)

    _finish(asyncio.run(run()), as_json=as_json)


def _finish(report: DoctorReport, *, as_json: bool) -> None:
    if as_json:
        document = {"works": report.works, **msgspec.structs.asdict(report)}
        typer.echo(msgspec.json.format(msgspec.json.encode(document), indent=2))
    else:
        typer.echo(printed(report))
    raise typer.Exit(0 if report.works else 1)
