from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from sandbox.broker.codec import MalformedData
from sandbox.broker.envelope import Envelope
from sandbox.broker.errors import QueueNotFound
from sandbox.broker.frames import Attach, Begin, Detach, Disposition, Flow, Transfer
from sandbox.broker.message import Counts, QueueSettings
from sandbox.broker.node import Node, QueueNode
from sandbox.broker.queue import Queue
from sandbox.broker.session import Session
from sandbox.broker.values import Described, UInt, ULong

HANDLE = UInt(1)
ACCEPTED = Described(ULong(0x24), [])


class Client:
    """The client of a session. It records what the broker sends."""

    max_frame_bytes = 512
    writable = True

    def __init__(self, window: int = 100) -> None:
        self.queue: Queue[Envelope] = Queue("stones", QueueSettings(), lambda: datetime(2026, 1, 1, tzinfo=UTC))
        self._node = QueueNode(self.queue)
        self.frames: list[msgspec.Struct] = []
        self.session = Session(self, 0, Begin(None, UInt(0), UInt(window), UInt(window)), self._resolve)

    def _resolve(self, address: str) -> Node:
        if address != "stones":
            raise QueueNotFound
        return self._node

    def send(self, _channel: int, performative: msgspec.Struct, payload: bytes = b"") -> None:
        assert len(payload) <= self.max_frame_bytes
        self.frames.append(performative)

    def receive(self, *, credit: int, drain: bool = False, window: int = 100) -> None:
        first = self.frames[0]
        assert isinstance(first, Begin)
        next_id = UInt(first.next_outgoing_id + len(self.all(Transfer)))
        delivered = UInt(len({transfer.delivery_id for transfer in self.all(Transfer)}))
        self.session.flow(Flow(next_id, UInt(window), UInt(0), UInt(100), HANDLE, delivered, UInt(credit), drain=drain))

    def all(self, kind: type[Any]) -> list[Any]:
        return [frame for frame in self.frames if isinstance(frame, kind)]

    def deliveries(self) -> list[Any]:
        return list(dict.fromkeys(transfer.delivery_id for transfer in self.all(Transfer)))

    def attach(self, address: str = "stones") -> None:
        source = Described(ULong(0x28), [address])
        self.session.attach(Attach("link", HANDLE, role=True, source=source))

    def dispose(self, first: int, last: int, *, settled: bool = False) -> None:
        self.session.dispose(
            Disposition(role=True, first=UInt(first), last=UInt(last), settled=settled, state=ACCEPTED)
        )


@pytest.fixture
async def client() -> Client:
    client = Client()
    client.attach()
    for number in range(5):
        client.queue.send(Envelope(b"\x00\x53\x75\xa0\x01" + str(number).encode()))
    return client


async def test_delivery_requires_credit(client: Client) -> None:
    client.session.serve()
    assert client.deliveries() == []
    client.receive(credit=2)
    assert len(client.deliveries()) == 2
    assert client.queue.counts().active == 3


async def test_delivery_stops_at_session_window(client: Client) -> None:
    client.receive(credit=5, window=2)
    assert len(client.deliveries()) == 2
    client.receive(credit=5)
    assert len(client.deliveries()) == 5


async def test_delivery_stops_when_client_does_not_read(client: Client) -> None:
    client.writable = False
    client.receive(credit=5)
    assert client.deliveries() == []
    client.writable = True
    client.session.serve()
    assert len(client.deliveries()) == 5


async def test_drained_credit_is_used_or_returned(client: Client) -> None:
    client.receive(credit=8, drain=True)
    assert len(client.deliveries()) == 5
    answer = client.all(Flow)[-1]
    assert (answer.delivery_count, answer.link_credit, answer.drain) == (8, 0, True)


async def test_message_is_split_into_frames_of_client() -> None:
    client = Client()
    client.attach()
    client.queue.send(Envelope(b"\x00\x53\x75\xb0\x00\x00\x07\xd0" + b"x" * 2_000))
    client.receive(credit=1)
    transfers = client.all(Transfer)
    assert [transfer.more for transfer in transfers] == [*[True] * (len(transfers) - 1), False]
    assert len(transfers) > 4
    assert len(client.deliveries()) == 1


async def test_one_disposition_settles_range(client: Client) -> None:
    client.receive(credit=5)
    numbers = client.deliveries()
    client.dispose(numbers[0], numbers[3])
    assert client.queue.counts() == Counts(active=0, locked=1, scheduled=0, deferred=0, dead_letter=0)
    assert [(frame.first, frame.settled, frame.state) for frame in client.all(Disposition)] == [
        (number, True, ACCEPTED) for number in numbers[:4]
    ]


async def test_settling_unknown_delivery_returns_lock_lost(client: Client) -> None:
    client.dispose(77, 77)
    [answer] = client.all(Disposition)
    assert (answer.first, answer.settled, answer.state.descriptor) == (77, True, 0x25)
    assert answer.state.value[0].value[0] == "com.microsoft:message-lock-lost"


async def test_delivery_ids_do_not_collide_with_client_ids(client: Client) -> None:
    client.receive(credit=5)
    assert min(client.deliveries()) > 2**24


async def test_no_answer_is_sent_when_not_requested(client: Client) -> None:
    client.receive(credit=1)
    client.dispose(client.deliveries()[0], client.deliveries()[0], settled=True)
    client.dispose(77, 77, settled=True)
    assert client.all(Disposition) == []
    assert client.queue.counts().locked == 0


async def test_detached_link_gets_no_message_and_keeps_locks(client: Client) -> None:
    client.receive(credit=3)
    client.session.detach(Detach(HANDLE, closed=True))
    client.receive(credit=3)
    assert len(client.deliveries()) == 3
    assert client.queue.counts().locked == 3
    assert client.all(Detach) == [Detach(HANDLE, closed=True)]


async def test_link_to_unknown_queue_is_refused_with_reason() -> None:
    client = Client()
    client.attach("nowhere")
    [attach], [detach] = client.all(Attach), client.all(Detach)
    assert (attach.source, attach.target) == (None, None)
    assert detach.error.value[0] == "amqp:not-found"


async def test_handle_above_negotiated_maximum_closes_connection() -> None:
    with pytest.raises(MalformedData):
        Client().session.attach(Attach("link", UInt(1_024), role=True))
