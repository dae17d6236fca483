"""Checks of the settings, the database, the clock and Redis, for `doctor`. They read only."""

import time
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

import asyncpg
from redis.exceptions import RedisError

from inventory.core import redis_server, revision
from inventory.core.checks import Check, DoctorReport
from inventory.core.clock import utc_now
from inventory.core.database import Connection, Database
from inventory.core.errors import DatabaseMisconfigured, DatabaseUnavailable, SchemaBehind
from inventory.core.jobs import connect
from inventory.core.settings import Settings
from inventory.core.sql import Statements

sql = Statements("inventory.core")

_MIN_VERSION = 150_000
_CLOCK_WARNING_SECONDS, _CLOCK_FAILURE_SECONDS = 2.0, 60.0
_DIRECT_SECONDS = 10.0
_READS, _WRITES = "SELECT", "INSERT, UPDATE, DELETE"

# Settings of which one of a group is needed, and what does not work without it.
_GROUPS = (
    (("database_url",), "nothing works"),
    (("redis_url",), "the API does not start, and no job runs"),
    (("azure_service_bus_connection_string", "azure_service_bus_namespace"), "no run starts"),
    (("watermark_directory", "azure_storage_connection_string", "azure_storage_account_url"), "no run starts"),
    (("nivoda_endpoint",), "no run starts, and holds are refused"),
    (("nivoda_username",), "no run starts, and holds are refused"),
    (("nivoda_password",), "no run starts, and holds are refused"),
)


def examine_settings(settings: Settings) -> DoctorReport:
    """Check that the settings of the servers are set. A process may need fewer of them: what is missing is a warning."""
    present = {
        variable.name.lower()
        for name, section in settings.sections()
        for variable in section.variables()
        if getattr(getattr(settings, name), variable.field) is not None
    }
    checks = [_setting(present, names, effect) for names, effect in _GROUPS]
    return DoctorReport(subject="Settings", checks=checks)


def _setting(present_names: Collection[str], names: Sequence[str], effect: str) -> Check:
    present = [name for name in names if name in present_names]
    variables = " or ".join(name.upper() for name in names)
    if present:
        return Check(name="set", state="ok", detail=present[0].upper())
    return Check(
        name="set",
        state="degraded",
        detail=f"{variables} is not set in this process",
        next_step=f"Without it {effect}. .env.example has an example.",
    )


async def examine_database(settings: Settings) -> DoctorReport:
    """Check the database: version, migrations, permissions, the pooler and the clock.

    Raises:
        SettingsError: DATABASE_URL is not set.
    """
    subject = "Database of DATABASE_URL"
    async with Database.open(settings.database) as database:
        try:
            async with database.bounded() as connection:
                checks = [*await _server(connection, settings), await _clock(connection)]
            checks.append(await _migrations(database))
        except DatabaseMisconfigured as error:
            checks = [Check(name="answer", state="failed", detail=error.reason, next_step="Change the named setting.")]
        except (DatabaseUnavailable, TimeoutError) as error:
            cause = error.__cause__ or error
            checks = [
                Check(
                    name="answer",
                    state="failed",
                    detail=f"{type(cause).__name__}: {cause}" if str(cause) else type(cause).__name__,
                    next_step="Check DATABASE_URL: host, port, user and password; the firewall; and that the server runs.",
                )
            ]
    checks.append(await _pooler(settings))
    return DoctorReport(subject=subject, checks=checks)


async def _server(connection: Connection, settings: Settings) -> Sequence[Check]:
    number, text = await connection.fetchrow(sql.server_version) or (0, "")
    version = Check(
        name="version",
        state="ok" if number >= _MIN_VERSION else "failed",
        detail=f"Postgres {text}",
        next_step="" if number >= _MIN_VERSION else "Use Postgres 15 or newer.",
    )
    lacking = [
        f"{row['relation']}: {', '.join(row['lacking'])}"
        for row in await connection.fetch(sql.lacking_privileges, settings.database.schema_name)
    ]
    schema = settings.database.schema_name
    permissions = Check(
        name="permissions",
        state="failed" if lacking else "ok",
        detail=f"the role lacks rights in the schema {schema}" if lacking else f"all rights in the schema {schema}",
        items=lacking,
        next_step=f'Give them: GRANT {_READS}, {_WRITES} ON ALL TABLES IN SCHEMA "{schema}" TO the role.'
        if lacking
        else "",
    )
    return [Check(name="answer", state="ok", detail="it answers"), version, permissions]


async def _migrations(database: Database) -> Check:
    try:
        await revision.require(database)
    except SchemaBehind as error:
        present = error.details.get("present") or "empty"
        return Check(
            name="migrations",
            state="failed",
            detail=f"the schema is at {present}, and this code needs {revision.NEEDED}",
            next_step="Run: diamonds-app migrate",
        )
    return Check(name="migrations", state="ok", detail=f"at {revision.NEEDED} or newer")


async def _clock(connection: Connection) -> Check:
    began = time.monotonic()
    there: datetime = await connection.fetchval(sql.server_clock)
    # The answer was made in the middle of the round trip, as far as that is known.
    round_trip = time.monotonic() - began
    difference = (utc_now() - there).total_seconds() - round_trip / 2
    away = abs(difference)
    return Check(
        name="clock",
        state="failed" if away > _CLOCK_FAILURE_SECONDS else "degraded" if away > _CLOCK_WARNING_SECONDS else "ok",
        detail=f"this machine's clock differs from the database's by {away:.1f} s",
        next_step=""
        if away <= _CLOCK_WARNING_SECONDS
        else "Synchronize the clocks (NTP): signatures and tokens expire.",
    )


async def _pooler(settings: Settings) -> Check:
    """Check the connection for migrations and LISTEN, which must not go through a pooler in transaction mode."""
    direct = settings.database.direct_url
    if direct is None:
        pooled = settings.database.pooler == "transaction"
        return Check(
            name="pooler",
            state="degraded" if pooled else "ok",
            detail="DATABASE_POOLER is transaction, and DATABASE_DIRECT_URL is not set" if pooled else "none is set",
            next_step="Set DATABASE_DIRECT_URL for migrations and LISTEN: events arrive late without it."
            if pooled
            else "",
        )
    try:
        async with _direct(direct.get_secret_value()) as connection:
            await connection.execute("LISTEN diamonds_doctor")
            await connection.execute("UNLISTEN diamonds_doctor")
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        return Check(
            name="pooler",
            state="failed",
            detail=f"DATABASE_DIRECT_URL: {type(error).__name__}: {error}",
            next_step="Check DATABASE_DIRECT_URL: migrations and LISTEN use it.",
        )
    return Check(name="pooler", state="ok", detail=f"{settings.database.pooler}; DATABASE_DIRECT_URL answers")


@asynccontextmanager
async def _direct(url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(url, timeout=_DIRECT_SECONDS)
    try:
        yield connection
    finally:
        await connection.close(timeout=_DIRECT_SECONDS)


async def examine_redis(settings: Settings) -> DoctorReport:
    """Check Redis: whether it answers, its mode and its eviction policy.

    Raises:
        SettingsError: REDIS_URL is not set.
    """
    subject = "Redis of REDIS_URL"
    redis = connect(settings.redis)
    try:
        problem = await redis_server.problem(redis)
        policy = await redis_server.eviction_policy(redis)
    except (RedisError, OSError, TimeoutError) as error:
        step = "Check REDIS_URL: its host, TLS port and access key, and the firewall of the server."
        return DoctorReport(
            subject=subject, checks=[Check(name="answer", state="failed", detail=str(error), next_step=step)]
        )
    finally:
        await redis.aclose()
    mode = (
        Check(name="mode", state="failed", detail=problem, next_step='See docs/how-to/deploy.md, "Redis".')
        if problem
        else Check(name="mode", state="ok", detail="transactions over several keys work")
    )
    kept = policy == redis_server.RECOMMENDED_POLICY
    eviction = Check(
        name="eviction",
        state="ok" if kept else "degraded",
        detail=f"maxmemory-policy is {policy}",
        next_step="" if kept else f"Set it to {redis_server.RECOMMENDED_POLICY}: a full server may remove jobs.",
    )
    return DoctorReport(subject=subject, checks=[Check(name="answer", state="ok", detail="it answers"), mode, eviction])
