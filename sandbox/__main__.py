"""`python -m sandbox`."""

try:
    from sandbox.cli import main

    main()
except KeyboardInterrupt:
    # While modules are loaded no signal handler is set, and nothing has been started.
    raise SystemExit(130) from None
