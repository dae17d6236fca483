"""Command line support: start of a command, timeout, JSON and table output, exit codes."""

import asyncio
import sys
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

import msgspec
import uvloop

from inventory.core import logging
from inventory.core.errors import DatabaseMisconfigured, DatabaseUnavailable, InventoryError, Unavailable
from inventory.core.settings import Settings, SettingsError

if TYPE_CHECKING:
    from rich.console import RenderableType

T = TypeVar("T")

FAILURE_EXIT: Final = 1
CONFIGURATION_EXIT: Final = 2


def start_command(role: str, *, log_level: str | None = None) -> Settings:
    """Read the settings and set up logging. `role` appears in each log line; `log_level` replaces LOG_LEVEL."""
    settings = Settings.read()
    logging.configure(log_level or settings.general.log_level, settings.general.log_format, role)
    return settings


def run_command(command: Coroutine[Any, Any, T], *, timeout_seconds: float | None = None) -> T:
    """Run a coroutine and return its result.

    A process role, which has no timeout, runs on uvloop. A short command runs on the loop of asyncio, whose connection errors
    name the address.

    Raises:
        Unavailable: the command did not finish within `timeout_seconds`.
    """

    async def with_timeout() -> T:
        timeout = asyncio.timeout(timeout_seconds)
        try:
            async with timeout:
                return await command
        except TimeoutError:
            if not timeout.expired():
                raise
        raise Unavailable(
            f"The command did not finish within {timeout_seconds} seconds. Check that the servers answer, then retry."
        )

    with asyncio.Runner(loop_factory=uvloop.new_event_loop if timeout_seconds is None else None) as runner:
        return runner.run(with_timeout())


def print_json(value: object) -> None:
    """Print one indented JSON document to stdout."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


def print_json_line(value: object) -> None:
    """Print a JSON document on one line to stdout."""
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")


def print_text(text: "RenderableType") -> None:
    """Print a line or a table to stdout. A table is as wide as the terminal; a line is not wrapped."""
    if isinstance(text, str):
        sys.stdout.write(text + "\n")
        return
    from rich.console import Console  # noqa: PLC0415 - a process role prints nothing

    Console().print(text)


def exit_with(message: str, code: int) -> NoReturn:
    """Write one line to stderr and exit."""
    sys.stderr.write(f"{message}\n")
    sys.exit(code)


@contextmanager
def exit_on_error(*configuration_errors: type[Exception]) -> Iterator[None]:
    """Turn an error of a command into one line on stderr and an exit code.

    A wrong setting and `configuration_errors` exit with 2, any other `InventoryError` with 1.
    """
    configuration: tuple[type[Exception], ...] = (SettingsError, *configuration_errors)
    try:
        yield
    except configuration as error:
        exit_with(str(error), CONFIGURATION_EXIT)
    except DatabaseMisconfigured as error:
        exit_with(error.reason, CONFIGURATION_EXIT)
    except InventoryError as error:
        cause = f" ({error.__cause__})" if isinstance(error, DatabaseUnavailable) and error.__cause__ else ""
        exit_with(f"{error.code}: {error.message}{cause}", FAILURE_EXIT)
