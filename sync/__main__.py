"""`python -m sync` and `diamonds-sync`."""

import sys

from inventory.core.lean_imports import collection_paused


def main() -> None:
    """Run a command."""
    with collection_paused():
        if sys.argv[1:2] in (["worker"], ["consolidator"], ["jobs"]):
            from sync.cli.roles import main as run  # noqa: PLC0415 - a role starts without the code of other commands
        elif sys.argv[1:2] == ["schedule"]:
            from sync.cli.scheduling import main as run  # noqa: PLC0415
        else:
            from sync.cli.main import main as run  # noqa: PLC0415
    run()


if __name__ == "__main__":
    main()
