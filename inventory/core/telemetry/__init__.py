"""Metrics and traces. Both are off by default, and their libraries are imported only where they are on."""
