"""A PgBouncer in transaction mode, for one test and its database."""

import os
import shutil
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from sandbox.stack.account import server_account
from sandbox.stack.ports import LOOPBACK
from sandbox.stack.process import Process
from sandbox.stack.server import Server

# Not the name of the schema: Postgres searches tables in the schema with the user's name.
USER = "shop"
# Few, so that one client's transactions use different connections.
SERVER_CONNECTIONS = 3


class PgBouncer(Server):
    """The pooler of the Debian package. Its clients need no password; it uses the database's password."""

    name = "PgBouncer"

    def __init__(self, directory: Path, url: str, *, password: str) -> None:
        """`url`: of the database. `password`: of `USER` there. `directory` must be traversable by every account."""
        super().__init__()
        self._home = directory / "pgbouncer"
        self._database = urlsplit(url)
        self._password = password

    @property
    def url(self) -> str:
        """The URL of the database through the pooler."""
        return f"postgresql://{USER}@{LOOPBACK}:{self.port}{self._database.path}"

    def program(self) -> Process:
        account = server_account()
        self._home.mkdir(mode=0o700, exist_ok=True)
        configuration = self._home / "pgbouncer.ini"
        configuration.write_text(
            f"""
            [databases]
            * = host={LOOPBACK} port={self._database.port} user={USER} password={self._password}
            [pgbouncer]
            listen_addr = {LOOPBACK}
            listen_port = {self.port}
            unix_socket_dir =
            auth_type = any
            pool_mode = transaction
            default_pool_size = {SERVER_CONNECTIONS}
            max_client_conn = 100
            server_login_retry = 1
            query_wait_timeout = 10
            """.replace("\n            ", "\n"),
            encoding="utf-8",
        )
        if account:
            for path in (self._home, configuration):
                os.chown(path, account.uid, account.gid)
        return Process(
            self.name,
            [_binary(), configuration],
            log=self._home.with_suffix(".log"),
            environment={"PATH": os.defpath},
            account=account,
        )

    async def answers(self) -> bool:
        connection = await asyncpg.connect(self.url, timeout=2, statement_cache_size=0)
        await connection.close(timeout=2)
        return True


async def grant(url: str, password: str) -> None:
    """Grant `USER` the privileges of the database owner."""
    connection = await asyncpg.connect(url)
    if not await connection.fetchval("SELECT count(*) FROM pg_roles WHERE rolname = $1", USER):
        await connection.execute(f"CREATE ROLE {USER} LOGIN IN ROLE {urlsplit(url).username}")
    await connection.execute(f"ALTER ROLE {USER} PASSWORD '{password}'")
    await connection.close()


def _binary() -> str:
    found = shutil.which("pgbouncer", path=f"{os.defpath}:/usr/sbin")
    if found is None:
        message = "PgBouncer is not installed here: apt-get install pgbouncer"
        if os.geteuid() == 0:
            pytest.fail(message)
        pytest.skip(message)
    return found
