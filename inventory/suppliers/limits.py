"""Limits of a stone's values, which hold for every supplier."""

MAX_CARATS = 10_000
"""The largest cut diamond weighs 545 carats, the largest rough one 3,107."""
MAX_CENTS = (2**31 - 1) * 100
"""Two billion dollars in cents: 64 bits suffice for the highest markup and the price per carat of the smallest stone."""
MAX_DAYS = 3650
"""Longest delivery or return time."""
