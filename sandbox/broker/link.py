"""Links: the one on which a client sends, and the two on which it receives, messages or replies."""

from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

from sandbox.broker import envelope
from sandbox.broker.envelope import Envelope
from sandbox.broker.errors import BrokerError, MessageTooLarge, QueueFull
from sandbox.broker.frames import Flow, Transfer
from sandbox.broker.message import Message
from sandbox.broker.node import QueueNode
from sandbox.broker.values import Described, Symbol, ULong

MAX_MESSAGE_BYTES: Final = 256 * 1024  # the Standard tier's, for a batch as for a single message

_CREDIT: Final = 1_000  # messages that a client may have under way to us on one link
_BACKLOG: Final = 1_000  # replies kept for a client that grants no credit
_UINT32: Final = 0xFFFF_FFFF

ACCEPTED: Final = Described(ULong(0x24), [])
_REJECTED: Final = ULong(0x25)


def error_of(error: BrokerError) -> Described:
    """The refusal as AMQP has it. All three fields are written: clients look for the third."""
    return Described(ULong(0x1D), [Symbol(error.condition), error.message, None])


def rejected(error: BrokerError) -> Described:
    return Described(_REJECTED, [error_of(error)])


class Wire(Protocol):
    """What a link needs of its session."""

    @property
    def writable(self) -> bool:
        """Whether more can be sent now without piling it up here."""

    def grant(self, handle: int, delivery_count: int, credit: int) -> None:
        """Tell the client how much it may send."""

    def settle(self, delivery_id: int, state: Described) -> None:
        """Tell the client what became of what it sent."""

    def transfer(self, handle: int, tag: bytes, payload: bytes, *, settled: bool) -> int:
        """Send a message and return its delivery id."""

    def remember(self, delivery_id: int, link: "MessageOutlet", message: Message[Envelope]) -> None:
        """Keep in mind what the client will settle."""


class Inlet:
    """A link on which a client sends, to a queue or to a place that answers requests."""

    def __init__(self, wire: Wire, handle: int, accept: Callable[[bytes, int], None]) -> None:
        self._wire = wire
        self._handle = handle
        self._accept = accept
        self._received = 0
        self._first: Transfer | None = None
        self._parts = bytearray()

    def grant(self) -> None:
        self._wire.grant(self._handle, self._received & _UINT32, _CREDIT)

    def take(self, frame: Transfer, payload: bytes) -> None:
        """Take a frame of a message in; with the last one, the message.

        Raises:
            BrokerError: the message is refused and its sender does not wait to hear so; the link has to go.
        """
        first = self._first = self._first or frame
        if len(self._parts) <= MAX_MESSAGE_BYTES:
            self._parts += payload  # what is too large already need not be kept
        if frame.more and not frame.aborted:
            return
        data, self._parts, self._first = bytes(self._parts), bytearray(), None
        self._received += 1
        if not frame.aborted:
            self._finish(first, data)
        if self._received % (_CREDIT // 2) == 0:
            self.grant()

    def _finish(self, first: Transfer, data: bytes) -> None:
        outcome = ACCEPTED
        try:
            if len(data) > MAX_MESSAGE_BYTES:
                raise MessageTooLarge(f"a message or a batch has at most {MAX_MESSAGE_BYTES} bytes")
            self._accept(data, first.message_format or 0)
        except BrokerError as error:
            if first.settled:
                raise
            outcome = rejected(error)
        if not first.settled and first.delivery_id is not None:
            self._wire.settle(first.delivery_id, outcome)


class _Credit:
    """How many more messages a client wants on a link."""

    def __init__(self) -> None:
        self.left = 0
        self.sent = 0

    def update(self, flow: Flow) -> None:
        if flow.link_credit is not None:
            # What is still under way counts against the new credit: the client did not know of it.
            under_way = (self.sent - (flow.delivery_count or 0)) & _UINT32
            self.left = max(flow.link_credit - under_way, 0)

    def use(self) -> None:
        self.left -= 1
        self.sent = (self.sent + 1) & _UINT32

    def drain(self) -> None:
        self.sent = (self.sent + self.left) & _UINT32
        self.left = 0


class MessageOutlet:
    """A link on which a client receives the messages of a queue."""

    def __init__(self, wire: Wire, handle: int, node: QueueNode, *, deletes: bool) -> None:
        self.node = node
        self.deletes = deletes
        self.credit = _Credit()
        self._wire = wire
        self._handle = handle

    @property
    def ready(self) -> bool:
        return self.credit.left > 0 and self._wire.writable

    def deliver(self, message: Message[Envelope]) -> None:
        self.credit.use()
        # The client reads the tag as the lock's token, in the byte order of a Windows GUID.
        tag = message.lock.bytes_le if message.lock else message.sequence_number.to_bytes(16, "big")
        delivery_id = self._wire.transfer(self._handle, tag, envelope.write(message), settled=self.deletes)
        if not self.deletes:
            self._wire.remember(delivery_id, self, message)

    def open(self) -> None:
        self.node.join(self)

    def close(self) -> None:
        self.node.leave(self)

    def serve(self) -> None:
        self.node.serve()


class ReplyOutlet:
    """A link on which a client receives the replies to its requests."""

    def __init__(self, wire: Wire, handle: int, address: str) -> None:
        self.address = address
        self.credit = _Credit()
        self._wire = wire
        self._handle = handle
        self._backlog: deque[bytes] = deque()

    def reply(self, data: bytes) -> None:
        """Send a reply once the client's credit allows.

        Raises:
            QueueFull: the client asks and asks, but takes no answers.
        """
        if len(self._backlog) >= _BACKLOG:
            raise QueueFull(f"{_BACKLOG} replies wait for credit on {self.address}")
        self._backlog.append(data)
        self.serve()

    def open(self) -> None:
        pass

    def close(self) -> None:
        self._backlog.clear()

    def serve(self) -> None:
        while self._backlog and self.credit.left and self._wire.writable:
            self.credit.use()
            tag = self.credit.sent.to_bytes(4, "big")
            self._wire.transfer(self._handle, tag, self._backlog.popleft(), settled=True)


Outlet = MessageOutlet | ReplyOutlet
