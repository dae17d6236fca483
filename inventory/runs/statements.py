"""SQL statements about runs. `{run}` in a statement stands for the columns of a run named `run`."""

from inventory.core.sql import Statements

RUN_COLUMNS = Statements("inventory.runs").part("run_columns")


def compose(statement: str) -> str:
    """Replace the placeholder `{run}` of a statement."""
    return statement.replace("{run}", RUN_COLUMNS)


sql = Statements("inventory.runs", compose=compose)
