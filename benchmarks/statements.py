"""The benchmarks' own statements: limits, and what brings tables into a known state."""

from app.core.sql import Statements
from sync.statements import compose

sql = Statements("benchmarks", compose=compose)
