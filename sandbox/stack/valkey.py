"""Embedded Valkey or Redis server without persistence."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from sandbox.stack.binaries import valkey_server
from sandbox.stack.ports import LOOPBACK
from sandbox.stack.process import Process
from sandbox.stack.server import Server

_MEMORY = "512mb"


class Valkey(Server):
    """In-memory Valkey server. A restart removes all data."""

    name = "Valkey"

    def __init__(self, directory: Path, *, port: int | None = None, options: Mapping[str, str] | None = None) -> None:
        """`directory`: directory of the log file. `port` None selects a free port. `options` override command line options."""
        super().__init__(ports=[port] if port else [])
        self._directory = directory
        self._options = dict(options or {})

    def url(self, database: int = 0) -> str:
        """Return the URL of one of the 16 databases."""
        return f"redis://{LOOPBACK}:{self.port}/{database}"

    def program(self) -> Process:
        options = {
            "--port": str(self.port),
            "--bind": LOOPBACK,
            "--save": "",
            "--appendonly": "no",
            "--maxmemory": _MEMORY,
            "--maxmemory-policy": "noeviction",  # a full server reports an error instead of removing jobs
            "--dir": str(self._directory),
        } | self._options
        return Process(
            self.name,
            [valkey_server(), *(part for option in options.items() for part in option)],
            log=self._directory / "valkey.log",
            environment={},
        )

    async def answers(self) -> bool:
        reader, writer = await asyncio.open_connection(LOOPBACK, self.port)
        try:
            writer.write(b"INFO server\r\n")
            length = int((await reader.readline()).removeprefix(b"$"))
            answer = await reader.readexactly(length)
        except (ValueError, asyncio.IncompleteReadError):
            return False
        finally:
            writer.close()
        return f"process_id:{self.pid}\r\n".encode() in answer
