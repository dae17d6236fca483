"""`python -m sync`."""

from sync.cli.main import main

main()
