"""Completeness check of a run over files: every row of every file is staged, in quarantine, or rejected."""

from inventory.core.database import Database
from inventory.core.errors import FeedIncomplete
from inventory.core.logging import get_logger
from inventory.runs import repository
from inventory.runs.models import Run
from sync.consolidator.run_completeness import StagePage
from sync.planning.file_plan import check_part
from sync.runs.statements import sql
from sync.worker.part_reader import checkpoint_of, part_of

log = get_logger()


class RowCheck:
    """Proves runs over files with the database's figures."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def prove(self, run: Run, stage: StagePage) -> None:
        """Prove that a run has staged every row of its files. A forced run is not checked.

        Raises:
            FeedIncomplete: rows are missing, or a stone is in two of them.
        """
        del stage  # nothing is read again: the rows of a file do not change
        if run.forced_by is not None:
            return
        async with self._database.connection() as connection:
            partitions = await repository.partitions(connection, run.id)
            staged = await connection.fetchrow(sql.staged_rows, run.id, run.feed)
        rows = items = 0
        for partition in partitions:
            _, part = part_of(run, partition)
            checkpoint = checkpoint_of(partition)
            check_part(part, checkpoint)
            rows += part.rows
            items += checkpoint.items
        planned = run.heatmap.total if run.heatmap else 0
        found = dict(staged) if staged else {}
        if rows != planned or {*found.values()} != {items}:
            raise FeedIncomplete(
                f"{rows} of {planned} rows were read; {items} of them were staged, and the database has {found}",
                details={"counted": planned, "read": rows, **found},
            )
        log.info("run_proven", opened=planned, closed=rows, listings=items, unidentified=0, changed=0, tolerated=0)
