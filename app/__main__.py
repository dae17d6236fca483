"""`python -m app` and `diamonds-app`."""

import sys

from inventory.core.lean_imports import collection_paused


def main() -> None:
    """Run a command."""
    with collection_paused():
        if sys.argv[1:2] == ["serve"]:
            from app.serve import main as run  # noqa: PLC0415 - the API starts without the code of other commands
        else:
            from app.cli import main as run  # noqa: PLC0415
    run()


if __name__ == "__main__":
    main()
