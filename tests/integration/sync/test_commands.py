"""Commands of operators: output, confirmation, exit codes."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from inventory.core.errors import SupplierTimeout
from sandbox.broker import Broker as Bus
from sandbox.broker.codec import encode
from sandbox.broker.values import Described, ULong
from sync.messaging.servicebus import ServiceBusBroker
from sync.runs.lifecycle import Lifecycle
from tests.integration.sync.cli import Cli
from tests.integration.sync.conftest import Execute, OpenRun

YESTERDAY = (datetime.now(UTC) - timedelta(days=1)).replace(microsecond=0)


async def test_runs_are_listed_and_shown_as_text_and_json(cli: Cli, open_run: OpenRun, lifecycle: Lifecycle) -> None:
    run = await open_run(3)
    listed = await cli.document("runs", "list")
    assert [one["id"] for one in listed] == [str(run.id)]
    assert "plan" not in listed[0]
    shown = await cli.document("runs", "show", str(run.id))
    assert (shown["run"]["status"], shown["outline"]["total"], len(shown["partitions"])) == ("running", 3, 3)
    assert str(run.id) in (await cli("runs", "list")).stdout
    page = (await cli("runs", "show", str(run.id))).stdout
    assert "0 of 3 succeeded" in page
    assert "$100 to $200" in page
    cancelled = await cli.document("runs", "cancel", str(run.id))
    assert cancelled["status"] == "cancelled"
    assert "Cancelled by" in (await cli("runs", "show", str(run.id))).stdout


async def test_items_read_by_failed_run_are_listed_shown_and_mailed(
    cli: Cli, open_run: OpenRun, lifecycle: Lifecycle, execute: Execute
) -> None:
    run = await open_run(2)
    await execute("UPDATE worker_runs SET fetched = CASE ordinal WHEN 0 THEN 2000 ELSE 334 END")
    await lifecycle.fail(run.id, SupplierTimeout())
    (listed,) = await cli.document("runs", "list")
    shown = (await cli.document("runs", "show", str(run.id)))["run"]
    for one in (listed, shown):
        assert (one["fetched"], one["distinct_stones"], one["repeated"]) == (2_334, None, None)
    assert "2,334" in (await cli("runs", "list")).stdout
    assert "2,334" in (await cli("runs", "show", str(run.id))).stdout
    assert "2,334, planned 20" in str(await execute("SELECT content::text FROM alerts"))


async def test_rejection_prints_reason(cli: Cli, open_run: OpenRun) -> None:
    run = await open_run(1)
    refused = await cli("retry", str(run.id))
    assert "only a partial or failed run can be retried" in str(refused.exception)
    assert "There is no run" in str((await cli("runs", "show", str(uuid4()))).exception)
    assert (await cli("retry", str(run.id), "--partition", "first")).exit_code == 2


async def test_retry_and_confirmed_consolidation(
    cli: Cli, open_run: OpenRun, lifecycle: Lifecycle, execute: Execute
) -> None:
    run = await open_run(2)
    await execute("UPDATE worker_runs SET status = CASE ordinal WHEN 0 THEN 'succeeded' ELSE 'failed' END")
    await lifecycle.settle(run.id)
    assert len((await cli.document("retry", str(run.id), "--partition", "1"))["partitions"]) == 1
    await execute("UPDATE worker_runs SET status = CASE ordinal WHEN 0 THEN 'succeeded' ELSE 'failed' END")
    await lifecycle.settle(run.id)
    asked = await cli.document("consolidate", "--allow-mass-delete", str(run.id), "--force")
    assert asked["status"] == "consolidating"
    assert "@" in asked["forced_by"]
    assert "@" in asked["mass_delete_allowed_by"]


async def test_reconcile_prints_its_actions(cli: Cli, open_run: OpenRun, execute: Execute) -> None:
    run = await open_run(1)
    assert "Nothing to repair" in (await cli("reconcile")).stdout
    await execute("UPDATE run_metadata SET deadline_at = clock_timestamp()")
    assert (await cli.document("reconcile"))["runs_ended"] == [str(run.id)]


async def test_watermark_is_shown_and_set_after_confirmation_with_reason(cli: Cli) -> None:
    wanted = YESTERDAY.isoformat()
    assert await cli.document("watermark", "show") is None
    asked = await cli("watermark", "set", wanted, "--reason", "a gap", answer="n\n")
    assert "There is no watermark yet" in asked.output
    assert await cli.document("watermark", "show") is None
    assert (await cli("watermark", "set", wanted, "--reason", "a gap", answer="y\n")).exit_code == 0
    stored = await cli.document("watermark", "show")
    assert datetime.fromisoformat(stored["lastUpdatedAt"]) == YESTERDAY
    assert stored["setReason"] == "a gap"
    assert "@" in stored["setBy"]
    earlier = (YESTERDAY - timedelta(days=1)).isoformat()
    assert "back to" in (await cli("watermark", "set", earlier, "--reason", "x", answer="n\n")).output
    assert (await cli("watermark", "set", earlier, "--reason", "x", "--yes")).exit_code == 0
    assert "No run will read" in (await cli("watermark", "set", wanted, "--reason", "x", answer="n\n")).output


@pytest.mark.parametrize(
    ("instant", "reason", "problem"),
    [
        ("yesterday", "x", "not an instant"),
        ("2026-01-01T00:00:00", "x", "no time zone"),
        ("2026-01-01T00:00:00Z", " ", "name the reason"),
    ],
)
async def test_invalid_watermark_is_rejected(cli: Cli, instant: str, reason: str, problem: str) -> None:
    refused = await cli("watermark", "set", instant, "--reason", reason, "--yes")
    assert refused.exit_code == 2
    assert problem in refused.output


async def test_watermark_in_future_is_rejected(cli: Cli) -> None:
    refused = await cli("watermark", "set", "2999-01-01T00:00:00Z", "--reason", "x", "--yes")
    assert "is in the future" in str(refused.exception)


@pytest.mark.parametrize("queue", ["work-items", "work-done", "consolidate"])
async def test_queues_have_no_dead_letters_initially(cli: Cli, queue: str) -> None:
    assert await cli.document("dead-letters", "list", "--queue", queue) == []
    assert (await cli.document("dead-letters", "replay", "--queue", queue))["messages"] == 0
    assert (await cli.document("dead-letters", "discard", "--queue", queue))["messages"] == 0


async def test_dead_letters_of_every_body_type_are_listed_and_replayed(
    cli: Cli, bus: Bus, broker: ServiceBusBroker
) -> None:
    sequence = encode(Described(ULong(0x76), [1, "two"]))
    markup = encode(Described(ULong(0x75), b"[/bold] one"))
    async with broker.inbox("work-items") as inbox:
        for message in (sequence, markup):
            bus.accept("work-items", message)
            delivery = await inbox.receive(wait_seconds=10)
            assert delivery is not None
            await delivery.dead_letter("Bad", "[/red] \x1b[31m")
    table = (await cli("dead-letters", "list")).stdout
    assert "sequence" in table
    assert "[/bold] one" in table
    assert "\x1b" not in table
    listed = await cli.document("dead-letters", "list")
    assert [letter["body_type"] for letter in listed] == ["sequence", "data"]
    replayed = await cli.document("dead-letters", "replay", "--queue", "work-items", "--yes")
    assert replayed["messages"] == 1
    assert [letter["body_type"] for letter in replayed["left"]] == ["sequence"]
    assert "1 left" in (await cli("dead-letters", "replay", "--queue", "work-items", "--yes")).stdout


async def test_dead_letters_are_discarded_and_replayed_by_number(cli: Cli, bus: Bus, broker: ServiceBusBroker) -> None:
    await broker.send("work-items", [b"one", b"two", b"three"])
    async with broker.inbox("work-items") as inbox:
        for _ in range(3):
            delivery = await inbox.receive(wait_seconds=10)
            assert delivery is not None
            await delivery.dead_letter("Bad", "of no use")
    numbers = {letter["body"]: str(letter["sequence_number"]) for letter in await cli.document("dead-letters", "list")}
    asked = await cli("dead-letters", "discard", "--queue", "work-items", numbers["two"], answer="n\n")
    assert "Discard 1 dead letter of work-items?" in asked.output
    assert [body in asked.output for body in ("one", "two", "three")] == [False, True, False]
    assert bus.counts()["work-items"].dead_letter == 3
    gone = await cli.document("dead-letters", "discard", "--queue", "work-items", numbers["two"], "--yes")
    assert gone["messages"] == 1
    again = await cli.document("dead-letters", "replay", "--queue", "work-items", numbers["three"], "--yes")
    assert again["messages"] == 1
    assert [letter["body"] for letter in await cli.document("dead-letters", "list")] == ["one"]
    unknown = await cli("dead-letters", "replay", "--queue", "work-items", numbers["one"], "999", "--yes")
    assert "work-items has no dead letter 999" in str(unknown.exception)
    counts = bus.counts()["work-items"]
    assert (counts.active, counts.dead_letter) == (1, 1)


async def test_rebuild_of_empty_inventory_finds_nothing(cli: Cli) -> None:
    assert (await cli.document("rebuild", "--apply"))["outcomes"] == {}
    assert "0 stones: 0 equal." in (await cli("rebuild")).stdout
