"""`python -m sandbox demo`: complete first sync, incremental next sync, error messages."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
import pytest_asyncio

from sandbox.cli import _inventory
from sandbox.figures import Figures
from sandbox.stack.programs import Supplier, SupplierOptions
from sandbox.stack.scratch import scratch_directory
from sandbox.stack.stack import Stack
from tests.acceptance.commands import (
    alive,
    clean_environment,
    control,
    expected_prices,
    retail_prices,
    run,
    started,
    until,
)

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(300)]

STONES = 2000
CHANGED = 50
PAGE, OVERLAP = 50, 3


@pytest_asyncio.fixture
async def supplier() -> AsyncIterator[Supplier]:
    """A supplier that was started separately."""
    with scratch_directory() as directory:
        server = Supplier(directory, SupplierOptions(stones=100), clean_environment())
        await server.start()
        yield server
        await server.stop()


def figures_in(path: Path) -> Figures:
    """The figures in a file that contains exactly the fields of `Figures`."""
    figures = msgspec.json.decode(path.read_bytes(), type=Figures)
    assert set(msgspec.json.decode(path.read_bytes())) == set(Figures.__struct_fields__)
    return figures


async def demonstrated(stack: Stack, path: Path) -> Figures:
    """The figures of a demo on running servers."""
    done = await asyncio.to_thread(run, "demo", "--once", "--json", str(path), given=stack.environment)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [msgspec.json.decode(line) for line in done.stdout.splitlines()]
    assert [line["step"] for line in lines[:2]] == ["starting", "scheduling"]
    figures = figures_in(path)
    assert msgspec.convert(lines[-1], Figures) == figures
    return figures


async def test_first_demo_loads_all_stones_and_next_one_only_changes(
    tmp_path: Path,
) -> None:
    async with Stack(clean_environment(), supplier=SupplierOptions(stones=STONES)) as stack:
        assert stack.supplier is not None
        truth = stack.supplier.control_url
        database = stack.environment["DATABASE_URL"]

        first = await demonstrated(stack, tmp_path / "first.json")
        assert await retail_prices(database) == await expected_prices(truth)
        assert first.supplier_stones == first.diamonds_active + first.quarantined == STONES
        assert first.quarantined == STONES - (await control(truth, "summary"))["usable"]
        assert first.fetched - first.repeated == first.upserted + first.quarantined == STONES
        assert first.unchanged == 0
        assert 1 <= first.partition_max_over_mean <= 1.3
        assert first.partitions >= 2
        assert first.count_queries > 0

        await control(truth, "change", {"count": CHANGED, "seed": 7})
        prices = await expected_prices(truth)
        assert await retail_prices(database) != prices

        second = await demonstrated(stack, tmp_path / "second.json")
        assert await retail_prices(database) == prices
        assert second.supplier_stones == second.diamonds_active + second.quarantined == STONES
        # The changed stones, and those that pages and shared partition edges repeat: nothing else is fetched.
        assert second.fetched - second.repeated == CHANGED
        assert second.repeated <= OVERLAP * (CHANGED // PAGE + 1) * second.partitions
        assert second.watermark is not None
        assert first.watermark is not None
        assert second.watermark > first.watermark


async def pasted_text(line: str) -> str:
    """The shell command in a printed line."""
    return await asyncio.to_thread(subprocess.check_output, ["bash", "-c", line], text=True)


async def pasted(line: str) -> Any:
    """The data of a printed GraphQL request."""
    answer = msgspec.json.decode(await pasted_text(line))
    assert "errors" not in answer
    return answer["data"]


async def test_documented_figures_are_of_real_stones_only() -> None:
    assert _inventory(None, None, shop=False) == (53_940, 0)
    assert _inventory(None, None, shop=True) == (53_940, 12_000)
    assert _inventory(300, None, shop=True) == (300, 0)
    assert _inventory(None, 5, shop=False) == (53_940, 5)


async def test_printed_requests_work_and_ctrl_c_leaves_nothing() -> None:
    async with started("demo", "--stones", "300", "--generated", "600", "--port", "0") as command:
        text = await command.said("Ctrl-C")
        search, hold = (pasted(line) for line in text.splitlines() if line.startswith("curl "))
        found = (await search)["diamonds"]
        assert found["totalCount"] > 0
        assert all(node["shape"] == "OVAL" and 1 <= node["carat"] <= 2 for node in found["nodes"])
        held = (await hold)["holdCreate"]
        assert (held["hold"]["state"], held["userErrors"]) == ("ACTIVE", [])
        (more,) = (line for line in text.splitlines() if " keys create " in line)
        assert (await pasted_text(more)).startswith("dia_live_")
        lines = [line.split() for line in text.splitlines()]
        urls = {
            words[-1]
            for words in lines
            if words and words[0] in {"Shop", "GraphiQL", "REST", "Dashboard"} and "http" in words[-1]
        }
        assert len(urls) == 4
        async with aiohttp.ClientSession(headers={"Accept": "text/html"}, raise_for_status=True) as session:
            for url in urls:
                async with session.get(url) as page:
                    assert page.content_type == "text/html"
            image = next(node["imageUrl"] for node in found["nodes"] if node["imageUrl"])
            async with session.get(image) as picture:
                assert picture.content_type == "image/svg+xml"
        family = command.descendants()
        assert await command.ends(signal.SIGINT) == 0
        assert "Stopping the servers" in await command.error_output()
        assert not [line for number, line in family.items() if alive(number)]


def test_ctrl_c_during_load_exits_silently() -> None:
    # Not ignored, even if the test process runs in the background and ignores it.
    listening = ["env", "--default-signal=INT", sys.executable, "-m", "sandbox", "demo", "--once"]
    with subprocess.Popen(  # noqa: S603 - our own command
        listening, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        loaded = Path(f"/proc/{process.pid}/maps")
        while "msgspec/_core" not in loaded.read_text(encoding="utf-8"):
            time.sleep(0.001)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=90)
    assert (process.returncode, out, err) == (130, b"", b"")


async def test_dead_process_ends_demo_with_its_name_and_log() -> None:
    async with started("demo", "--stones", "300", "--port", "0") as command:
        await command.said("Ctrl-C")
        family = command.descendants()
        os.kill(command.child("-m sync consolidator"), signal.SIGKILL)
        assert await command.ends() == 1
        complaint = await command.error_output()
        assert "consolidator ended unexpectedly with exit code -9" in complaint
        assert "run_completed" in complaint
        await until(lambda: not any(alive(number) for number in family))


async def test_rejected_credentials_fail_sync_with_reason_and_next_step(supplier: Supplier, tmp_path: Path) -> None:
    given = {
        "NIVODA_ENDPOINT": supplier.endpoint,
        "NIVODA_USERNAME": supplier.username,
        "NIVODA_PASSWORD": "not this one",
        "WATERMARK_DIRECTORY": str(tmp_path / "watermarks"),
    }
    done = await asyncio.to_thread(run, "demo", "--once", "--json", str(tmp_path / "figures.json"), given=given)
    assert done.returncode == 1
    assert "The sync failed. SUPPLIER_ERROR: The supplier refused the credentials" in done.stderr
    assert "NIVODA_PASSWORD" in done.stderr
    assert "not this one" not in done.stderr + done.stdout
    assert not (tmp_path / "figures.json").exists()
    assert not (tmp_path / "watermarks" / "nivoda.json").exists()


def test_unreachable_supplier_fails_sync_with_reason() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        given = {
            "NIVODA_ENDPOINT": f"http://127.0.0.1:{held.getsockname()[1]}/api/diamonds",
            "NIVODA_USERNAME": "me@example.com",
            "NIVODA_PASSWORD": "secret",
            "NIVODA_TRIES": "1",
        }
        done = run("demo", "--once", given=given)
    assert done.returncode == 1
    assert "The sync failed. SUPPLIER_ERROR: The supplier can't be reached" in done.stderr
    assert "NIVODA_ENDPOINT" in done.stderr


def test_sync_that_cannot_start_fails_with_reason(tmp_path: Path) -> None:
    mark = {"lastUpdatedAt": "2999-01-01T00:00:00Z", "lastRunId": "", "lastRunCompletedAt": "2999-01-01T00:00:00Z"}
    (tmp_path / "nivoda.json").write_bytes(msgspec.json.encode(mark))
    done = run("demo", "--once", "--stones", "100", given={"WATERMARK_DIRECTORY": str(tmp_path)})
    assert done.returncode == 1
    assert "The sync failed. WATERMARK_IN_FUTURE: the watermark 2999-01-01" in done.stderr


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"NIVODA_REQUESTS_PER_SECOND": "fast"}, "NIVODA_REQUESTS_PER_SECOND: should be a number"),
        ({"DATABASE_URL": "mysql://localhost/diamonds"}, "DATABASE_URL: should begin with postgresql://"),
        ({"NIVODA_ENDPOINT": "http://127.0.0.1:9/api"}, "NIVODA_USERNAME: is not set"),
        ({"AZURE_SERVICE_BUS_CONNECTION_STRING": "secret"}, "AZURE_SERVICE_BUS_CONNECTION_STRING: should hold"),
        ({"AZURE_STORAGE_CONNECTION_STRING": "secret"}, "AZURE_STORAGE_CONNECTION_STRING: should hold AccountName"),
        (
            {"WATERMARK_DIRECTORY": "/proc/watermarks"},
            "WATERMARK_DIRECTORY: nothing can be written to /proc/watermarks",
        ),
    ],
)
def test_invalid_setting_is_one_line_with_name_and_example(given: dict[str, str], line: str) -> None:
    done = run("demo", "--once", given=given)
    assert done.returncode == 2
    (said,) = done.stderr.splitlines()
    assert said.startswith(line)
    assert f"Example: {line.partition(':')[0]}=" in said
    assert done.stdout == ""


@pytest.mark.parametrize("host", ["nowhere.invalid", "203.0.113.7"])
def test_invalid_host_is_settings_error_and_no_port_in_use(host: str) -> None:
    done = run("demo", "--port", "0", given={"HOST": host})
    assert done.returncode == 2
    (said,) = done.stderr.splitlines()
    assert said.startswith(f"HOST: no process can listen on {host} (")
    assert "Example: HOST=127.0.0.1" in said
    assert done.stdout == ""


@pytest.mark.parametrize("command", ["demo", "up"])
def test_port_in_use_is_named_with_remedy_before_start(command: str) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = run(command, "--port", str(port))
    assert done.returncode == 2
    assert f"port {port} is in use" in done.stderr
    assert "--port" in done.stderr.replace(f"port {port}", "")
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("path", "what"), [("nowhere/figures.json", "No such file or directory"), ("", "Is a directory")]
)
def test_unwritable_file_is_reported_before_sync(path: str, what: str, tmp_path: Path) -> None:
    done = run("demo", "--once", "--json", str(tmp_path / path))
    assert done.returncode == 2
    assert what in " ".join(done.stderr.replace("│", " ").split())  # a box around it breaks the lines
    assert done.stdout == ""
