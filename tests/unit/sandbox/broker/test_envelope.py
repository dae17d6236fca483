from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox.broker.codec import decode, encode
from sandbox.broker.envelope import BATCH_FORMAT, Envelope, read, read_messages, write
from sandbox.broker.errors import DecodeError
from sandbox.broker.message import DeadLetter, Message, State
from sandbox.broker.values import Described, Int, Symbol, Timestamp, UInt, ULong

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def section(code: int, content: Any) -> bytes:
    return encode(Described(ULong(code), content))


PROPERTIES = section(0x73, ["id-1"])
APPLICATION = section(0x74, {"carat": UInt(3), "lab": False})
BODY = section(0x75, b"a stone")


def message(envelope: Envelope) -> Message[Envelope]:
    return Message(envelope, 5, 5, NOON, delivery_count=2, locked_until=NOON + timedelta(seconds=60))


def sections(data: bytes) -> dict[int, Any]:
    found, at = {}, 0
    while at < len(data):
        value, at = decode(data, at)
        found[int(value.descriptor)] = value.value
    return found


def test_sections_of_sender_are_unchanged() -> None:
    sent = section(0x70, [None, None, UInt(60_000)]) + PROPERTIES + APPLICATION + BODY
    # The clients write the delivery annotations last. They are valid for this hop only.
    received = write(message(read(sent + section(0x71, {Symbol("x"): 1}))))
    assert received.endswith(PROPERTIES + APPLICATION + BODY)


def test_receiver_gets_broker_annotations() -> None:
    sent = section(0x70, [None, None, UInt(60_000)]) + section(0x72, {Symbol("x-opt-partition-key"): "a"}) + BODY
    received = sections(write(message(read(sent))))
    assert received[0x70] == [None, None, 60_000, None, 2]
    assert received[0x72] == {
        "x-opt-partition-key": "a",
        "x-opt-enqueued-time": Timestamp(1_767_268_800_000),
        "x-opt-locked-until": Timestamp(1_767_268_860_000),
        "x-opt-sequence-number": 5,
        "x-opt-message-state": Int(State.ACTIVE),
    }


def test_time_to_live_and_scheduled_time_are_parsed() -> None:
    envelope = read(
        section(0x70, [None, None, UInt(1_500)])
        + section(0x72, {Symbol("x-opt-scheduled-enqueue-time"): Timestamp(1_767_268_800_000)})
        + BODY
    )
    assert envelope.ttl == timedelta(seconds=1.5)
    assert envelope.scheduled_for == NOON


def test_dead_letter_has_reason_and_keeps_other_properties() -> None:
    dead = message(read(PROPERTIES + APPLICATION + BODY))
    dead.dead_letter = DeadLetter("unreadable", None, "stones")
    data = write(dead)
    assert sections(data)[0x74] == {"carat": 3, "lab": False, "DeadLetterReason": "unreadable"}
    assert sections(data)[0x72]["x-opt-deadletter-source"] == "stones"
    assert data.endswith(BODY)
    assert PROPERTIES in data


def test_dead_letter_without_properties_has_reason() -> None:
    dead = message(read(BODY))
    dead.dead_letter = DeadLetter("a", "b", "stones")
    assert sections(write(dead))[0x74] == {"DeadLetterReason": "a", "DeadLetterErrorDescription": "b"}


def test_batch_has_one_message_per_data_section() -> None:
    batch = section(0x73, ["of the batch"]) + section(0x75, PROPERTIES + BODY) + section(0x75, BODY)
    assert [each.bare for each in read_messages(batch, BATCH_FORMAT)] == [PROPERTIES + BODY, BODY]


@pytest.mark.parametrize(
    "data", [b"\x40", b"\x00\x53\x10\x45", BODY[:-1], section(0x70, [None, None, "soon"]), section(0x72, [])]
)
def test_invalid_message_is_rejected(data: bytes) -> None:
    with pytest.raises(DecodeError):
        read(data)
