"""Idempotency of background jobs by their id.

The job queue delivers at least once: a job whose end could not be written to Redis, or whose process was killed, runs again.
Every job that changes something records its id and its answer in the transaction of the change.
A repetition returns the recorded answer and changes nothing.
"""

from typing import Any
from uuid import UUID

import msgspec

from inventory.core.database import Connection
from sync.runs.statements import sql


class Effect(msgspec.Struct, frozen=True):
    """The recorded effect of a job. `run_id` is None for a job that concerns no run."""

    answer: Any
    run_id: UUID | None


async def find(connection: Connection, job_id: str) -> Effect | None:
    """Return the recorded effect of a job, None if the job has not changed anything yet."""
    row = await connection.fetchrow(sql.job_effect, job_id)
    return Effect(row["answer"], row["run_id"]) if row else None


async def record(connection: Connection, job_id: str | None, answer: object, run_id: UUID | None = None) -> None:
    """Record a job's effect. Without a job (a command, a periodic duty) do nothing.

    The primary key rejects a second record (`asyncpg.UniqueViolationError`), so the second transaction is rolled back.
    """
    if job_id is not None:
        await connection.execute(sql.record_job_effect, job_id, run_id, answer)
