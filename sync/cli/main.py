"""Command line of the pipeline, except for the roles that run until SIGTERM (`sync.cli.roles`)."""

from inventory.core.command_line import exit_on_error, exit_with
from inventory.core.errors import RunConflict
from sync.cli.operators import app

_OPEN_RUN_EXIT = 3


def main() -> None:
    """Run a command. Print an error on one line. Exit code 2: a wrong setting; 3: another run is open; 1: other errors."""
    with exit_on_error():
        try:
            app()
        except RunConflict as error:
            exit_with(f"{error.message}. See `diamonds-sync runs list`.", _OPEN_RUN_EXIT)
