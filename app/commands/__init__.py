"""Command groups of `diamonds-app`, one module each."""
