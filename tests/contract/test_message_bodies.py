"""Unreadable messages: dead-lettered immediately with a reason, listed with their body type, and no obstacle for
others.
"""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest_asyncio

from inventory.core.settings import Settings
from inventory.runs.dead_letters import DeadLetter
from sandbox.broker import Broker, Counts, QueueSettings
from sandbox.broker.codec import encode
from sandbox.broker.values import Described, ULong
from sync.messaging.consumer import Consumer
from sync.messaging.messages import WorkItem, decode
from sync.messaging.messages import encode as encode_item
from sync.messaging.servicebus import ServiceBusBroker

QUEUE = "work-items"
GOOD = encode_item(
    WorkItem(
        run_id=UUID(int=1),
        partition_id=UUID(int=2),
        trace_id="0af7651916cd43dd8448eb211c80319c",
    )
)


def section(code: int, content: object) -> bytes:
    return encode(Described(ULong(code), content))


def raw_section(code: int, encoded: bytes) -> bytes:
    return bytes([0x00, 0x53, code]) + encoded


def nested(levels: int) -> bytes:
    """A nested AMQP list."""
    encoded = b"\x45"
    for _ in range(levels):
        encoded = b"\xd0" + (len(encoded) + 4).to_bytes(4) + (1).to_bytes(4) + encoded
    return encoded


PROPERTIES, APPLICATION_PROPERTIES, DATA, SEQUENCE, VALUE, FOOTER = range(0x73, 0x79)
CHAR, DECIMAL32 = b"\x73\x00\x00\x00\x41", b"\x74\x00\x00\x00\x41"
OUT_OF_RANGE_DECIMAL128 = b"\x94\x22\x08" + bytes(13) + b"\x01"

# A message, its body type, and the body that its dead letter shows.
UNREADABLE = {
    "no body": (b"", "none", ""),
    "empty value": (section(VALUE, None), "none", ""),
    "text": (section(VALUE, "hello"), "value", "hello"),
    "number": (section(VALUE, 2**63 - 1), "value", "9223372036854775807"),
    "bytes as a value": (section(VALUE, b"\xff\xfe\x00"), "value", r"\xff\xfe\x00"),
    "map": (section(VALUE, {"a": [1, None, {"b": True}]}), "value", "[1, None, {"),
    "our own JSON as a value": (section(VALUE, GOOD.decode()), "value", "work-item"),
    "sequence": (section(SEQUENCE, [1, "two"]), "sequence", "two"),
    "two sequences": (section(SEQUENCE, [1]) + section(SEQUENCE, [2]), "sequence", "[[1], [2]]"),
    "text in a data section": (section(DATA, [1, 2]), "undecodable", ""),
    "char": (raw_section(VALUE, CHAR), "undecodable", CHAR.hex()),
    "decimal32": (raw_section(VALUE, DECIMAL32), "undecodable", DECIMAL32.hex()),
    "decimal128 out of range": (raw_section(VALUE, OUT_OF_RANGE_DECIMAL128), "undecodable", "decimal128"),
    "100 levels": (raw_section(VALUE, nested(100)), "undecodable", "depth"),
    "char beside good data": (
        section(APPLICATION_PROPERTIES, {}) + section(DATA, GOOD) + raw_section(FOOTER, CHAR),
        "undecodable",
        CHAR.hex(),
    ),
    "20 properties": (section(PROPERTIES, [None] * 20) + section(DATA, GOOD), "undecodable", "Properties"),
    "empty data": (section(DATA, b""), "data", ""),
    "not JSON": (section(DATA, b"\x00\xff["), "data", r"\x00"),
    "markup": (section(DATA, b"[/nothing] [bold]\x1b[31m"), "data", r"[/nothing] [bold]\x1b[31m"),
    "trace id that is not UTF-8": (section(DATA, GOOD.replace(b"0af7651916cd43", b"\xff\xfe")), "data", "trace_id"),
    "trace id with NUL": (section(DATA, GOOD.replace(b"0af7651916cd43", b"\\u0000")), "data", "trace_id"),
    "3,000 levels in an unknown field": (
        section(DATA, GOOD[:-1] + b',"unknown":' + b"[" * 3000 + b"]" * 3000 + b"}"),
        "data",
        "unknown",
    ),
    "900 KB": (section(DATA, GOOD + b" " * 900_000), "data", "characters)"),
    "number of a version to come": (section(DATA, GOOD.replace(b'"version":1', b'"version":1e400')), "data", "1e400"),
}  # fmt: skip


@pytest_asyncio.fixture
async def bus() -> AsyncIterator[Broker]:
    async with Broker({QUEUE: QueueSettings(lock_seconds=60, max_delivery_count=10)}) as running:
        yield running


@pytest_asyncio.fixture
async def broker(bus: Broker) -> AsyncIterator[ServiceBusBroker]:
    settings = Settings.read(azure_service_bus_connection_string=bus.connection_string)
    async with ServiceBusBroker.open(settings.service_bus) as opened:
        yield opened


async def consume(broker: ServiceBusBroker) -> list[WorkItem]:
    """Consume until the queue is empty. Returns the readable messages."""
    read: list[WorkItem] = []

    async def handle(body: bytes, _last: bool) -> None:
        read.append(decode(body, WorkItem))

    consumer = Consumer(broker, QUEUE, handle, slots=1, max_deliveries=10, stop=asyncio.Event())
    assert await consumer.drain(wait_seconds=0.5)
    return read


async def test_unreadable_messages_are_dead_lettered_with_body_type(bus: Broker, broker: ServiceBusBroker) -> None:
    for message, _, _ in UNREADABLE.values():
        bus.accept(QUEUE, message)
    bus.accept(QUEUE, section(APPLICATION_PROPERTIES, {"unknown": "property", "n": 2**62}) + section(DATA, GOOD))
    assert len(await consume(broker)) == 1
    assert bus.counts()[QUEUE] == Counts(active=0, locked=0, scheduled=0, deferred=0, dead_letter=len(UNREADABLE))
    letters = await broker.dead_letters().peek(QUEUE, 100)
    assert {name: letter.body_type for name, letter in zip(UNREADABLE, letters, strict=True)} == {
        name: body_type for name, (_, body_type, _) in UNREADABLE.items()
    }
    for name, letter in zip(UNREADABLE, letters, strict=True):
        assert UNREADABLE[name][2] in letter.body, name
        assert (letter.reason, letter.deliveries) == ("UnreadableMessage", 0), name
        assert letter.body.isprintable(), name


async def test_replay_resends_readable_bodies_only(bus: Broker, broker: ServiceBusBroker) -> None:
    for message in (section(VALUE, "hello"), section(DATA, b"one"), raw_section(VALUE, CHAR), section(DATA, b"two")):
        bus.accept(QUEUE, message)
    await consume(broker)
    replayed = await broker.dead_letters().replay(QUEUE, 4)
    assert (replayed.messages, [letter.body_type for letter in replayed.left]) == (2, ["value", "undecodable"])
    counts = bus.counts()[QUEUE]
    assert (counts.active, counts.dead_letter) == (2, 2)
    # The others can be received immediately.
    assert await broker.dead_letters().discard(QUEUE, 2) == 2


async def test_dead_letter_with_custom_properties_is_listed(bus: Broker, broker: ServiceBusBroker) -> None:
    """The sender may have set the properties in which the broker stores the reason."""
    odd = {"DeadLetterReason": 7, "DeadLetterErrorDescription": b"\xff\x00\x1b[31m"}
    bus.create_queue("expiring", QueueSettings(ttl_seconds=0.01, dead_letter_expired=True))
    bus.accept("expiring", section(APPLICATION_PROPERTIES, odd) + section(DATA, b"one"))
    async with broker.inbox("expiring") as inbox:
        assert await inbox.receive(wait_seconds=0.2) is None
    (letter,) = await broker.dead_letters().peek("expiring", 10)
    assert isinstance(letter, DeadLetter)
    assert (letter.reason + letter.description).isprintable()
