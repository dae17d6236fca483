"""The event log: what happened to stones, appended with the change itself and read after a position."""
