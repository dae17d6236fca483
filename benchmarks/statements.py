"""The benchmarks' own statements: limits, and what brings tables into a known state."""

from inventory.core.sql import Statements
from sync.runs.statements import compose

sql = Statements("benchmarks", compose=compose)
