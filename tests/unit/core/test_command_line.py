"""Command line support: exit codes, output, confirmation, timeout."""

import asyncio
import io
from typing import NoReturn

import msgspec
import pytest

from inventory.core import command_options
from inventory.core.command_line import exit_on_error, print_json, run_command
from inventory.core.command_options import NotConfirmed
from inventory.core.errors import DatabaseMisconfigured, DatabaseUnavailable, InventoryError, NotFound, Unavailable
from inventory.core.settings import SettingsError


class PortInUse(InventoryError):
    """The port is in use."""


def failed_connection() -> DatabaseUnavailable:
    error = DatabaseUnavailable()
    error.__cause__ = OSError("connection refused")
    return error


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (NotFound("There is no run 7."), 1, "NOT_FOUND: There is no run 7."),
        (failed_connection(), 1, f"SERVICE_UNAVAILABLE: {DatabaseUnavailable().message} (connection refused)"),
        (DatabaseMisconfigured("DATABASE_URL: use port 5432."), 2, "DATABASE_URL: use port 5432."),
        (SettingsError("REDIS_URL is not set."), 2, "REDIS_URL is not set."),
        (PortInUse("Port 80 is in use."), 2, "Port 80 is in use."),
    ],
)
def test_exit_on_error_writes_one_line_and_exits(
    error: Exception, code: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped, exit_on_error(PortInUse):
        raise error
    assert stopped.value.code == code
    assert capsys.readouterr().err == f"{line}\n"


def test_exit_on_error_leaves_programming_error_traceback() -> None:
    with pytest.raises(KeyError), exit_on_error():
        raise KeyError("bug")


def test_run_command_returns_result() -> None:
    async def command() -> int:
        return 42

    assert run_command(command()) == 42


def test_run_command_reports_timeout() -> None:
    with pytest.raises(Unavailable, match=r"did not finish within 0 seconds"):
        run_command(asyncio.sleep(60), timeout_seconds=0)


def test_run_command_passes_on_timeout_of_command() -> None:
    async def command() -> NoReturn:
        raise TimeoutError("of a query")

    with pytest.raises(TimeoutError, match="of a query"):
        run_command(command(), timeout_seconds=60)


def test_confirm_without_terminal_is_not_confirmed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(NotConfirmed):
        command_options.confirm("Discard 3 dead letters?", yes=False)
    command_options.confirm("Discard 3 dead letters?", yes=True)


def test_print_json_prints_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"id": 1})
    assert msgspec.json.decode(capsys.readouterr().out) == {"id": 1}
