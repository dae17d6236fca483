"""Command line of the pipeline.

The commands of operators are in `sync.cli.operators`, which is imported for them only: a role starts without their modules.
"""

import sys

from inventory.core.command_line import exit_on_error, exit_with
from inventory.core.errors import RunConflict
from sync.cli.roles import OPEN_RUN_EXIT, ROLES, app


def main() -> None:
    """Run a command. Print an error on one line. Exit code 2: a wrong setting; 3: another run is open; 1: other errors."""
    if not ROLES.intersection(sys.argv[1:2]):
        from sync.cli import operators  # noqa: F401, PLC0415 - adds its commands

    with exit_on_error():
        try:
            app()
        except RunConflict as error:
            exit_with(f"{error.message}. See `diamonds-sync runs list`.", OPEN_RUN_EXIT)
