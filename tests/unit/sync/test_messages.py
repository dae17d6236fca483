"""Message bodies: valid bodies round-trip, all others raise `UnreadableMessage`."""

import json
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.messaging.messages import MAX_BODY_BYTES, Consolidate, UnreadableMessage, WorkDone, WorkItem, decode, encode

Message = WorkItem | WorkDone | Consolidate
KINDS: list[type[Any]] = [WorkItem, WorkDone, Consolidate]
RUN, PARTITION = UUID(int=1), UUID(int=2)
ITEM = WorkItem(run_id=RUN, partition_id=PARTITION, trace_id="t" * 32)
DONE = WorkDone(run_id=RUN, partition_id=PARTITION, trace_id="", status="failed", fetched=2**31 - 1, pages=0)
DEMAND = Consolidate(run_id=RUN, trace_id="t")


@pytest.mark.parametrize("message", [ITEM, DONE, DEMAND])
def test_message_round_trips(message: Message) -> None:
    kind: type[Any] = type(message)
    assert decode(encode(message), kind) == message


@pytest.mark.parametrize("kind", [WorkDone, Consolidate])
def test_message_of_another_queue_is_unreadable(kind: type[Any]) -> None:
    with pytest.raises(UnreadableMessage):
        decode(encode(ITEM), kind)


def mutated(old: bytes, new: bytes) -> bytes:
    body = encode(ITEM).replace(old, new)
    assert body != encode(ITEM)
    return body


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(mutated(b"t" * 32, b"\xff\xfe"), id="trace id that is not UTF-8"),
        pytest.param(mutated(b"t" * 32, b"\\u0000"), id="NUL"),
        pytest.param(mutated(b"t" * 32, b"t" * 201), id="long trace id"),
        pytest.param(mutated(b"}", b',"x":' + b"[" * 3000 + b"]" * 3000 + b"}"), id="3,000 levels"),
        pytest.param(mutated(b"}", b',"x":' + b"[" * 3000), id="3,000 open levels"),
        pytest.param(mutated(b'"version":1', b'"version":1e400'), id="huge number"),
        pytest.param(mutated(b'"version":1', b'"version":2'), id="another version"),
        pytest.param(encode(ITEM) + b" " * MAX_BODY_BYTES, id="too long"),
        pytest.param(b"", id="empty"),
    ],
)
def test_malformed_body_is_unreadable(body: bytes) -> None:
    with pytest.raises(UnreadableMessage):
        decode(body, WorkItem)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
_FIELDS = st.sampled_from(["type", "version", "run_id", "partition_id", "trace_id", "status", "fetched", "pages", "x"])


@given(
    st.sampled_from([ITEM, DONE, DEMAND]),
    st.dictionaries(_FIELDS, _VALUES, max_size=3),
    st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=3)), max_size=3),
)
def test_any_body_is_message_or_unreadable(
    message: Message, changes: dict[str, object], edits: list[tuple[int, bytes]]
) -> None:
    fields = msgspec.to_builtins(message) | changes
    body = json.dumps(fields, default=str).encode()
    for at, inserted in edits:
        body = body[:at] + inserted + body[at + 1 :]
    for kind in KINDS:
        try:
            read = decode(body, kind)
        except UnreadableMessage as error:
            assert error.message  # noqa: PT017 - what it says is what the dead letter shows
        else:
            assert isinstance(read, kind)
