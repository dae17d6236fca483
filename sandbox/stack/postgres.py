"""Embedded Postgres server with separate data, account, port and password."""

import contextlib
import os
import re
import secrets
import shutil
import signal
from pathlib import Path

import asyncpg

from sandbox.stack.account import server_account
from sandbox.stack.binaries import postgres_bindir, postgres_major
from sandbox.stack.ports import LOOPBACK
from sandbox.stack.process import Process
from sandbox.stack.server import Server

USER = "inventory"

_INITDB_SECONDS = 60.0
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
# Survives a process crash, not a power failure. Suitable for temporary data.
_NOT_DURABLE = {"fsync": "off", "full_page_writes": "off"}
_CONFIGURATION = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",  # their path has a length limit that temporary directories reach
    "max_connections": "200",
    "shared_buffers": "128MB",
    "log_line_prefix": "%m [%p] ",
}
# Iterations make a weak password expensive to guess. This one is random, and 4,096 of them cost a client 40 ms of CPU for
# each connection. Postgres 15 has no such setting.
_FEW_ITERATIONS = "--set=scram_iterations=1"
_FIRST_WITH_ITERATIONS = 16
# Excludes the environment of the caller, whose PGDATA or PGPORT would change the server.
_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"}


class Postgres(Server):
    """Postgres server. The data directory is kept after a stop or a crash."""

    name = "Postgres"

    def __init__(self, directory: Path, *, durable: bool, port: int | None = None, bindir: Path | None = None) -> None:
        """`durable=False` is faster and may lose data in a power failure. `port` None selects a free port.

        All accounts need search permission for `directory` (see `scratch_directory`). `bindir` contains `initdb` and
        `postgres`; for None see `postgres_bindir`.
        """
        super().__init__(ports=[port] if port else [])
        self._durable = durable
        self._chosen_bindir = bindir
        self._data = directory / "postgres"
        self._password = secrets.token_urlsafe(24)

    def url(self, database: str = "postgres") -> str:
        """Return the URL of a database, with the password."""
        return f"postgresql://{USER}:{self._password}@{LOOPBACK}:{self.port}/{database}"

    async def create_database(self, name: str, *, template: str = "template1") -> str:
        """Create a database from a template, which must have no open session. Return its URL."""
        await self._execute(f"CREATE DATABASE {_identifier(name)} TEMPLATE {_identifier(template)}")
        return self.url(name)

    async def drop_database(self, name: str) -> None:
        """Drop a database and end its open sessions."""
        await self._execute(f"DROP DATABASE IF EXISTS {_identifier(name)} WITH (FORCE)")

    async def prepare(self) -> None:
        """Create the data directory if it does not exist."""
        if self._data.exists():
            return
        account = server_account()
        bindir = postgres_bindir(self._chosen_bindir)
        password = self._data.with_suffix(".password")
        self._data.mkdir(mode=0o700)
        password.touch(mode=0o600)
        password.write_text(self._password, encoding="utf-8")
        if account:
            os.chown(self._data, account.uid, account.gid)
            os.chown(password, account.uid, account.gid)
        initdb = Process(
            "initdb",
            [
                bindir / "initdb",
                *("--no-sync", "--no-instructions", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8"),
                *(f"--pgdata={self._data}", f"--username={USER}", f"--pwfile={password}"),
                *([_FEW_ITERATIONS] if postgres_major(bindir) >= _FIRST_WITH_ITERATIONS else []),
            ],
            log=self._data.with_suffix(".initdb.log"),
            environment=_ENVIRONMENT,
            account=account,
        )
        initdb.start()
        try:
            await initdb.finish(timeout_seconds=_INITDB_SECONDS)
        except BaseException:  # a cancelled start must not leave a process or an incomplete data directory
            await initdb.kill()
            shutil.rmtree(self._data)
            raise
        finally:
            password.unlink()

    def program(self) -> Process:
        settings = {**_CONFIGURATION, **({} if self._durable else _NOT_DURABLE), "port": str(self.port)}
        return Process(
            self.name,
            [
                postgres_bindir(self._chosen_bindir) / "postgres",
                *("-D", self._data),
                *(part for key, value in settings.items() for part in ("-c", f"{key}={value}")),
            ],
            log=self._data.with_suffix(".log"),
            environment=_ENVIRONMENT,
            account=server_account(),
            # Fast shutdown: ends open sessions. SIGTERM would wait for them; SIGQUIT would need a recovery afterwards.
            stop_signal=signal.SIGINT,
            # Immediate shutdown, which also ends its children and frees its shared memory.
            orphan_signal=signal.SIGQUIT,
        )

    async def answers(self) -> bool:
        # The password distinguishes this server from another one on the same port.
        with contextlib.suppress(asyncpg.PostgresError, asyncpg.InterfaceError):
            connection = await asyncpg.connect(self.url(), timeout=2)
            await connection.close(timeout=2)
            return True
        return False

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(self.url(), timeout=10, command_timeout=60)
        try:
            await connection.execute(statement)
        finally:
            await connection.close(timeout=10)


def _identifier(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not a valid database name")
    return f'"{name}"'
