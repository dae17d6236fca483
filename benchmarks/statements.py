"""SQL statements of the benchmarks: limits, and preparation of tables."""

from inventory.core.sql import Statements
from sync.runs.statements import compose

sql = Statements("benchmarks", compose=compose)
