"""Saved searches of clients."""
