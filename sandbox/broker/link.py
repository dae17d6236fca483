"""AMQP links: `ReceivingLink` for messages of clients, `SendingLink` for queue messages, `ReplyLink` for replies."""

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

MAX_MESSAGE_BYTES: Final = 256 * 1024  # limit of the Standard tier for a message and for a batch

_CREDIT: Final = 1_000  # link credit that the broker grants to a sending client
_MAX_BACKLOG: Final = 1_000  # replies that wait for credit of the client
_UINT32: Final = 0xFFFF_FFFF

ACCEPTED: Final = Described(ULong(0x24), [])
_REJECTED: Final = ULong(0x25)


def error_of(error: BrokerError) -> Described:
    """Convert a broker error to an AMQP error. All three fields are encoded, because clients read the third."""
    return Described(ULong(0x1D), [Symbol(error.condition), error.message, None])


def rejected(error: BrokerError) -> Described:
    """Return the outcome `rejected` with an error."""
    return Described(_REJECTED, [error_of(error)])


class LinkSession(Protocol):
    """Interface of the session that a link uses."""

    @property
    def writable(self) -> bool:
        """Whether frames can be sent without buffering them in the broker."""

    def grant(self, handle: int, delivery_count: int, credit: int) -> None:
        """Grant link credit to a sending client."""

    def settle(self, delivery_id: int, state: Described) -> None:
        """Send the outcome of a received message."""

    def transfer(self, handle: int, tag: bytes, payload: bytes, *, settled: bool) -> int:
        """Send a message. Return its delivery id."""

    def store_delivery(self, delivery_id: int, link: "SendingLink", message: Message[Envelope]) -> None:
        """Store an unsettled delivery."""


class ReceivingLink:
    """Link on which a client sends messages to a queue or requests to a request node."""

    def __init__(self, session: LinkSession, handle: int, accept: Callable[[bytes, int], None]) -> None:
        self._session = session
        self._handle = handle
        self._accept = accept
        self._received = 0
        self._first: Transfer | None = None
        self._parts = bytearray()

    def grant(self) -> None:
        self._session.grant(self._handle, self._received & _UINT32, _CREDIT)

    def receive(self, frame: Transfer, payload: bytes) -> None:
        """Receive a transfer frame. The last frame completes the message.

        Raises:
            BrokerError: a presettled message was rejected; the session must detach the link.
        """
        first = self._first = self._first or frame
        if len(self._parts) <= MAX_MESSAGE_BYTES:
            self._parts += payload  # an oversized message is not buffered further
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
            self._session.settle(first.delivery_id, outcome)


class _Credit:
    """Link credit of a receiving client."""

    def __init__(self) -> None:
        self.left = 0
        self.sent = 0

    def update(self, flow: Flow) -> None:
        if flow.link_credit is not None:
            # Messages in flight count against the new credit: the client had not received them.
            in_flight = (self.sent - (flow.delivery_count or 0)) & _UINT32
            self.left = max(flow.link_credit - in_flight, 0)

    def use(self) -> None:
        self.left -= 1
        self.sent = (self.sent + 1) & _UINT32

    def drain(self) -> None:
        self.sent = (self.sent + self.left) & _UINT32
        self.left = 0


class SendingLink:
    """Link on which a client receives the messages of a queue."""

    def __init__(self, session: LinkSession, handle: int, node: QueueNode, *, deletes: bool) -> None:
        self.node = node
        self.deletes = deletes
        self.credit = _Credit()
        self._session = session
        self._handle = handle

    @property
    def ready(self) -> bool:
        return self.credit.left > 0 and self._session.writable

    def deliver(self, message: Message[Envelope]) -> None:
        self.credit.use()
        # Clients read the tag as the lock token, in the byte order of a Windows GUID.
        tag = message.lock.bytes_le if message.lock else message.sequence_number.to_bytes(16, "big")
        delivery_id = self._session.transfer(self._handle, tag, envelope.write(message), settled=self.deletes)
        if not self.deletes:
            self._session.store_delivery(delivery_id, self, message)

    def open(self) -> None:
        self.node.add_consumer(self)

    def close(self) -> None:
        self.node.remove_consumer(self)

    def serve(self) -> None:
        self.node.serve()


class ReplyLink:
    """Link on which a client receives the replies to its requests."""

    def __init__(self, session: LinkSession, handle: int, address: str) -> None:
        self.address = address
        self.credit = _Credit()
        self._session = session
        self._handle = handle
        self._backlog: deque[bytes] = deque()

    def reply(self, data: bytes) -> None:
        """Queue a reply and send it when the client has granted credit.

        Raises:
            QueueFull: too many replies wait for credit.
        """
        if len(self._backlog) >= _MAX_BACKLOG:
            raise QueueFull(f"{_MAX_BACKLOG} replies wait for credit on {self.address}")
        self._backlog.append(data)
        self.serve()

    def open(self) -> None:
        pass

    def close(self) -> None:
        self._backlog.clear()

    def serve(self) -> None:
        while self._backlog and self.credit.left and self._session.writable:
            self.credit.use()
            tag = self.credit.sent.to_bytes(4, "big")
            self._session.transfer(self._handle, tag, self._backlog.popleft(), settled=True)


OutgoingLink = SendingLink | ReplyLink
