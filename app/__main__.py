"""`python -m app` and `diamonds-app`."""

import sys


def main() -> None:
    """Run a command."""
    if sys.argv[1:2] == ["serve"]:
        from app.serve import main as run  # noqa: PLC0415 - the API starts without the code of other commands
    else:
        from app.cli import main as run  # noqa: PLC0415
    run()


if __name__ == "__main__":
    main()
