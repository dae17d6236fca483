"""Command `doctor`: checks of the dependencies of an installation."""

from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
import typer

from app.doctor import redis as redis_check
from app.doctor import supplier as supplier_check
from app.doctor.checks import DoctorReport, format_report
from inventory.core.command_line import AsJson, print_json, run_command, start_command
from inventory.core.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Check the dependencies of this installation.")

_SECONDS = 300


@app.callback()
def doctor() -> None:
    """Check the dependencies of this installation. Exit code 1 if a check fails."""


@app.command()
def supplier(as_json: AsJson = False) -> None:
    """Check the supplier: its schema, the login, counts and lookups. Reads only."""
    _run(supplier_check.examine, as_json=as_json)


@app.command()
def redis(as_json: AsJson = False) -> None:
    """Check Redis: whether it answers, its mode and its eviction policy. Reads only."""
    _run(redis_check.examine, as_json=as_json)


def _run(examine: Callable[[Settings], Coroutine[Any, Any, DoctorReport]], *, as_json: bool) -> None:
    settings = start_command("doctor", log_level="ERROR")
    _finish(run_command(examine(settings), timeout_seconds=_SECONDS), as_json=as_json)


def _finish(report: DoctorReport, *, as_json: bool) -> None:
    if as_json:
        print_json({"works": report.works, **msgspec.structs.asdict(report)})
    else:
        typer.echo(format_report(report))
    raise typer.Exit(0 if report.works else 1)
