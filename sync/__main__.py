"""`python -m sync` and `diamonds-sync`."""

from inventory.core.lean_imports import collection_paused


def main() -> None:
    """Run a command."""
    with collection_paused():
        from sync.cli.main import main as run  # noqa: PLC0415 - without collections
    run()


if __name__ == "__main__":
    main()
