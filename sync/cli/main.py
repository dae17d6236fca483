"""Command line of the pipeline for operators. `sync.cli.scheduling` and `sync.cli.roles` are the commands of processes."""

from inventory.core.command_line import exit_on_error
from sync.cli.operators import app
from sync.cli.scheduling import exit_on_open_run


def main() -> None:
    """Run a command. Print an error on one line. Exit code 2: a wrong setting; 3: another run is open; 1: other errors."""
    with exit_on_error(), exit_on_open_run():
        app()
