"""Process supervisor: it restarts processes, and stops when a restart cannot help."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from sandbox import logs, supervisor
from sandbox.stack.process import Process, ProcessFailed
from sandbox.stack.scratch import scratch_directory
from sandbox.stack.valkey import Valkey

TIMEOUT_SECONDS = 60


@pytest_asyncio.fixture
async def program(tmp_path: Path) -> AsyncIterator[Callable[[str], Process]]:
    """Run a Python script as a supervised program."""
    started: list[Process] = []

    def start(script: str) -> Process:
        process = Process("role", [sys.executable, "-c", script], log=tmp_path / "role.log", environment={})
        process.start()
        started.append(process)
        return process

    yield start
    for process in started:
        await process.kill()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while not condition():  # noqa: ASYNC110 - no event tells it
            await asyncio.sleep(0.02)


async def test_killed_process_is_always_restarted(program: Callable[[str], Process]) -> None:
    process = program("import time; time.sleep(600)")
    said: list[str] = []
    keeping = asyncio.create_task(supervisor.supervise([supervisor.supervised_program(process)], said.append))
    for _ in range(6):
        number = process.pid
        await process.kill()
        await until(lambda number=number: process.running and process.pid != number)  # type: ignore[misc]
    keeping.cancel()
    assert said == ["role ended with exit code -9; it will be restarted."] * 6


async def test_failing_process_is_given_up_with_last_log_lines(
    program: Callable[[str], Process],
) -> None:
    process = program("import sys; sys.exit('no good')")
    said: list[str] = []
    with pytest.raises(ProcessFailed, match=r"(?s)exit code 1, and a restart does not help.*no good"):
        async with asyncio.timeout(TIMEOUT_SECONDS):
            await supervisor.supervise([supervisor.supervised_program(process)], said.append)
    assert len(said) == 4


async def test_process_with_invalid_setting_is_not_restarted(program: Callable[[str], Process]) -> None:
    process = program("import sys; sys.stderr.write('REDIS_URL: is not set'); sys.exit(2)")
    said: list[str] = []
    with pytest.raises(ProcessFailed, match="REDIS_URL: is not set"):
        async with asyncio.timeout(TIMEOUT_SECONDS):
            await supervisor.supervise([supervisor.supervised_program(process)], said.append)
    assert said == []


async def test_crashed_server_is_restarted_on_same_port() -> None:
    with scratch_directory() as directory:
        server = Valkey(directory)
        await server.start()
        watched, port = server.process, server.port
        keeping = asyncio.create_task(supervisor.supervise([supervisor.supervised_server(server)], lambda _: None))
        await server.kill()
        await until(lambda: server.process is not watched and server.process is not None and server.process.running)
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while not await _answers(server):  # noqa: ASYNC110 - no event tells it
                await asyncio.sleep(0.02)
        assert server.port == port
        keeping.cancel()
        await asyncio.wait([keeping])
        await server.stop()


async def _answers(server: Valkey) -> bool:
    try:
        return await server.answers()
    except OSError:
        return False


async def test_logs_are_followed_by_line_with_process_names(tmp_path: Path) -> None:
    said: list[str] = []
    log = tmp_path / "worker-1.log"
    log.write_text("first\nhalf")
    following = asyncio.create_task(logs.follow(tmp_path, said.append))
    await until(lambda: len(said) == 1)
    with log.open("a") as file:
        file.write(" and half\n")
    (tmp_path / "api.log").write_text("ready\n")
    await until(lambda: len(said) == 3)
    following.cancel()
    assert said[0] == "worker-1     first"
    assert set(said[1:]) == {"worker-1     half and half", "api          ready"}
