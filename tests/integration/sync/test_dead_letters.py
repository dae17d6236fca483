"""Dead letters over GraphQL: list, replay and discard by number. The job worker executes them with a real broker."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from app.auth.scopes import Scope
from app.graphql.sync import dead_letters
from inventory.core.database import Database
from inventory.core.settings import Settings
from sandbox.broker import Broker as Bus
from sync.container import Container
from sync.jobs import worker
from sync.messaging.servicebus import ServiceBusBroker
from tests.integration.sync.operators import Ask, ask, caller, pipeline, settings
from tests.integration.sync.test_maintenance import put_aside

__all__ = ["ask", "pipeline", "settings"]  # fixtures

LIST = "{ deadLetters { queue number reason description deliveries readable body } }"
HANDLED = "job { kind status changed } userErrors { field code }"
REPLAY = f"mutation ($input: DeadLettersInput!) {{ deadLettersReplay(input: $input) {{ {HANDLED} }} }}"
DISCARD = f"mutation ($input: DeadLettersInput!) {{ deadLettersDiscard(input: $input) {{ {HANDLED} }} }}"


@pytest_asyncio.fixture
async def job_worker(pipeline: Container) -> AsyncIterator[None]:
    stop = asyncio.Event()
    working = asyncio.create_task(worker.serve(pipeline, stop))
    yield
    stop.set()
    await working


@pytest.fixture(autouse=True)
def unshared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Disable the cache of listings."""
    monkeypatch.setattr(dead_letters, "_SHARED_SECONDS", 1e-6)


async def listed(ask: Ask) -> dict[str, Any]:
    body = await ask(LIST)
    return {one["body"]: one for one in body["data"]["deadLetters"]}


@pytest.mark.usefixtures("job_worker")
async def test_messages_are_listed_and_handled_individually(ask: Ask, broker: ServiceBusBroker, bus: Bus) -> None:
    for body in (b"first", b"second", b"third"):
        await put_aside(broker, body)
    found = await listed(ask)
    assert list(found) == ["first", "second", "third"]
    assert {(one["queue"], one["reason"], one["readable"]) for one in found.values()} == {
        ("work-items", "UnreadableMessage", True)
    }
    chosen = {"queue": "work-items", "numbers": [found["second"]["number"]]}
    discarded = (await ask(DISCARD, input=chosen))["data"]["deadLettersDiscard"]
    assert discarded == {
        "job": {"kind": "DEAD_LETTERS_DISCARD", "status": "DONE", "changed": 1},
        "userErrors": [],
    }
    assert list(await listed(ask)) == ["first", "third"]
    again = (await ask(DISCARD, input=chosen))["data"]["deadLettersDiscard"]
    assert again["job"]["changed"] == 0

    replayed = (await ask(REPLAY, input={"queue": "work-items", "numbers": [found["third"]["number"]]}))["data"]
    assert replayed["deadLettersReplay"]["job"]["changed"] == 1
    assert list(await listed(ask)) == ["first"]
    assert (bus.counts()["work-items"].active, bus.counts()["work-items"].dead_letter) == (1, 1)


@pytest.mark.usefixtures("job_worker")
@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"queue": "other", "numbers": ["1"]}, "queue"),
        ({"queue": "work-items", "numbers": []}, "numbers"),
        ({"queue": "work-items", "numbers": ["x"]}, "numbers"),
        ({"queue": "work-items", "numbers": ["1" * 40]}, "numbers"),
        ({"queue": "work-items", "numbers": [str(number) for number in range(101)]}, "numbers"),
    ],
)
async def test_invalid_request_names_field(ask: Ask, given: dict[str, Any], name: str) -> None:
    payload = (await ask(REPLAY, input=given))["data"]["deadLettersReplay"]
    assert payload == {"job": None, "userErrors": [{"field": ["input", name], "code": "INVALID"}]}


async def test_listing_without_job_worker_reports_it(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead_letters, "_WAIT_SECONDS", 0.1)
    (error,) = (await ask(LIST))["errors"]
    assert "jobs role" in error["message"]


async def test_read_scope_does_not_allow_handling(settings: Settings, database: Database) -> None:
    async with caller(settings, database, Scope.SYNC_READ) as ask:
        for document in (REPLAY, DISCARD):
            (error,) = (await ask(document, input={"queue": "work-items", "numbers": ["1"]}))["errors"]
            assert error["extensions"]["code"] == "FORBIDDEN"
