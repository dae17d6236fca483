"""Command groups of `python -m app`, one module each."""
