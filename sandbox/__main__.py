"""`python -m sandbox`."""

try:
    from sandbox.cli import main

    main()
except KeyboardInterrupt:
    # While everything is being loaded nobody listens to signals yet, and nothing has been started.
    raise SystemExit(130) from None
