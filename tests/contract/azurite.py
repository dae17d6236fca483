"""Azurite, Microsoft's emulator of Azure Storage, from npm: installed once into a cache, started for a session."""

import asyncio
import fcntl
import os
import shutil
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sandbox.stack.ports import free_ports

VERSION = "3.35.0"
_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="  # a published, well-known key
_INSTALL_SECONDS = 300
_START_SECONDS = 60


class AzuriteMissing(Exception):
    """Azurite is not installed and cannot be installed. The message names the reason."""


async def _program() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "diamond-inventory" / f"azurite-{VERSION}"
    program = cache / "node_modules" / ".bin" / "azurite-blob"
    if program.exists():
        return program
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise AzuriteMissing("node and npm are not installed")
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)  # another test process may install it concurrently
        if not program.exists():
            await _install(npm, cache)
    if not program.exists():
        raise AzuriteMissing(f"npm installed azurite@{VERSION} without azurite-blob")
    return program


async def _install(npm: str, cache: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        npm, "install", "--no-audit", "--no-fund", "--prefix", str(cache), f"azurite@{VERSION}",
        stdout=DEVNULL, stderr=STDOUT,
    )  # fmt: skip
    try:
        code = await asyncio.wait_for(process.wait(), _INSTALL_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise AzuriteMissing(f"npm did not install it within {_INSTALL_SECONDS} seconds") from None
    if code != 0:
        raise AzuriteMissing(f"npm install azurite@{VERSION} failed with exit code {code}")


@asynccontextmanager
async def azurite(directory: Path) -> AsyncIterator[str]:
    """Start Azurite's blob service on a free port. Returns its connection string.

    Raises:
        AzuriteMissing: Azurite cannot be installed.
    """
    program = await _program()
    (port,) = free_ports(1)
    process = await asyncio.create_subprocess_exec(
        str(program), "--blobHost", "127.0.0.1", "--blobPort", str(port), "--location", str(directory),
        "--skipApiVersionCheck", "--disableTelemetry", "--silent",
        stdout=PIPE, stderr=STDOUT, cwd=directory,
    )  # fmt: skip
    try:
        await asyncio.wait_for(_listens(port, process), _START_SECONDS)
        yield (
            f"DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey={_KEY};"
            f"BlobEndpoint=http://127.0.0.1:{port}/devstoreaccount1;"
        )
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


async def _listens(port: int, process: asyncio.subprocess.Process) -> None:
    while process.returncode is None:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.1)
            continue
        writer.close()
        return
    raise AzuriteMissing(f"it ended by itself with exit code {process.returncode}")
