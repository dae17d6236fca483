"""`python -m sandbox`."""

from inventory.core.lean_imports import collection_paused

try:
    with collection_paused():
        from sandbox.cli import main

    main()
except KeyboardInterrupt:
    # While modules are loaded no signal handler is set, and nothing has been started.
    raise SystemExit(130) from None
