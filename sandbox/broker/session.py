"""AMQP session: links, unsettled deliveries and flow control of one client."""

from collections.abc import Callable
from typing import Any, Final, Protocol
from uuid import UUID

import msgspec

from sandbox.broker.codec import MalformedData
from sandbox.broker.envelope import Envelope
from sandbox.broker.errors import BrokerError, LockLost, QueueNotFound
from sandbox.broker.frames import Attach, Begin, Detach, Disposition, Flow, Transfer
from sandbox.broker.link import (
    MAX_MESSAGE_BYTES,
    OutgoingLink,
    ReceivingLink,
    ReplyLink,
    SendingLink,
    error_of,
    rejected,
)
from sandbox.broker.message import Message
from sandbox.broker.node import Node, QueueNode, RequestNode
from sandbox.broker.settlement import is_final, settle
from sandbox.broker.values import Described, UByte, UInt, ULong, UShort

# Service Bus clients match dispositions by delivery id alone, without its direction. The ids of the broker start at a distance.
_FIRST_ID: Final = 0x4000_0000
_MAX_LINKS: Final = 1_024
_MAX_UNSETTLED: Final = 65_536  # the maximum prefetch of a client is 50,000
_WINDOW: Final = 0x7FFF_FFFF  # senders are limited by link credit, not by the session window
_FRAME_OVERHEAD: Final = 64  # maximum bytes of a transfer frame without its payload
_SETTLED_BY_SENDER: Final = 1
_UINT32: Final = 0xFFFF_FFFF

Resolve = Callable[[str], Node]


class Channel(Protocol):
    """Interface of the connection that a session uses."""

    max_frame_bytes: int  # limit of the client

    @property
    def writable(self) -> bool:
        """Whether the client keeps up with sent frames."""

    def send(self, channel: int, performative: msgspec.Struct, payload: bytes = b"") -> None:
        """Send a frame."""


class _Delivery(msgspec.Struct, frozen=True):
    link: SendingLink
    token: UUID


class Session:
    """A session. Methods that take a frame may raise MalformedData, which closes the connection."""

    def __init__(self, connection: Channel, channel: int, begin: Begin, resolve: Resolve) -> None:
        self._connection = connection
        self._channel = channel
        self._resolve = resolve
        self._receiving_links: dict[int, ReceivingLink] = {}
        self._outgoing_links: dict[int, OutgoingLink] = {}
        self._deliveries: dict[int, _Delivery] = {}
        self._next_incoming: int = begin.next_outgoing_id or 0
        self._next_outgoing = self._next_delivery = _FIRST_ID
        self._client_window: int = begin.incoming_window  # transfers that the client accepts
        self._send(
            Begin(
                remote_channel=UShort(channel),
                next_outgoing_id=UInt(_FIRST_ID),
                incoming_window=UInt(_WINDOW),
                outgoing_window=UInt(_WINDOW),
                handle_max=UInt(_MAX_LINKS - 1),
            )
        )

    # Frames of the client

    def attach(self, frame: Attach) -> None:
        """Open a link, or reject it with an attach and a detach."""
        if frame.handle >= _MAX_LINKS:
            raise MalformedData("a handle beyond the agreed maximum")
        self._close_link(frame.handle)
        address = _address(frame.source if frame.role else frame.target)
        try:
            node = self._resolve(address)
        except QueueNotFound as error:
            # AMQP rejects a link by an attach without source and target, followed by a detach with the error.
            self._send(msgspec.structs.replace(_attached(frame, address), source=None, target=None))
            self._send(Detach(frame.handle, closed=True, error=error_of(error)))
            return
        self._send(_attached(frame, address))
        if frame.role:
            outgoing_link = self._open_outgoing_link(frame, node)
            self._outgoing_links[frame.handle] = outgoing_link
            outgoing_link.open()
        else:
            receiving_link = self._receiving_links[frame.handle] = ReceivingLink(
                self, frame.handle, self._acceptance(node)
            )
            receiving_link.grant()

    def flow(self, frame: Flow) -> None:
        """Apply the window and link credit of a flow frame, then send waiting messages."""
        self._client_window = (
            (frame.next_incoming_id or _FIRST_ID) + frame.incoming_window - self._next_outgoing
        ) & _UINT32
        outgoing_link = None if frame.handle is None else self._outgoing_links.get(frame.handle)
        if outgoing_link is not None:
            outgoing_link.credit.update(frame)
            outgoing_link.serve()
            if frame.drain:
                outgoing_link.credit.drain()
            if frame.drain or frame.echo:
                self._flow(
                    handle=frame.handle,
                    delivery_count=UInt(outgoing_link.credit.sent),
                    link_credit=UInt(outgoing_link.credit.left),
                    drain=frame.drain,
                )
            return
        self.serve()
        if frame.echo:
            self._flow()

    def receive(self, frame: Transfer, payload: bytes) -> None:
        """Receive a transfer frame."""
        self._next_incoming = (self._next_incoming + 1) & _UINT32
        receiving_link = self._receiving_links.get(frame.handle)
        if receiving_link is None:
            return  # sent before the client received the detach
        try:
            receiving_link.receive(frame, payload)
        except BrokerError as error:
            self._close_link(frame.handle)
            self._send(Detach(frame.handle, closed=True, error=error_of(error)))

    def dispose(self, frame: Disposition) -> None:
        """Settle deliveries by the outcome of the client, and confirm unless the client has settled."""
        if not frame.role or not is_final(frame.state):
            return
        last = frame.first if frame.last is None else frame.last
        known = (
            [number for number in self._deliveries if frame.first <= number <= last]
            if last > frame.first
            else ([frame.first] if frame.first in self._deliveries else [])
        )
        if not known and not frame.settled:
            self._confirm(frame.first, last, rejected(LockLost()))
        for number in known:
            delivery = self._deliveries.pop(number)
            try:
                outcome = settle(delivery.link.node.queue, delivery.token, frame.state)
            except BrokerError as error:
                outcome = rejected(error)
            if not frame.settled:
                self._confirm(number, number, outcome)

    def detach(self, frame: Detach) -> None:
        """Close a link. Locks of unsettled messages stay until they expire."""
        if self._close_link(frame.handle):
            self._send(Detach(frame.handle, closed=True))

    def close(self) -> None:
        """Close all links."""
        for handle in [*self._receiving_links, *self._outgoing_links]:
            self._close_link(handle)

    def serve(self) -> None:
        """Send waiting messages and replies on all links."""
        for outgoing_link in list(self._outgoing_links.values()):
            outgoing_link.serve()

    # Interface of the links

    @property
    def writable(self) -> bool:
        return self._client_window > 0 and self._connection.writable

    def grant(self, handle: int, delivery_count: int, credit: int) -> None:
        self._flow(handle=UInt(handle), delivery_count=UInt(delivery_count), link_credit=UInt(credit))

    def settle(self, delivery_id: int, state: Described) -> None:
        number = UInt(delivery_id)
        self._send(Disposition(role=True, first=number, last=number, settled=True, state=state))

    def transfer(self, handle: int, tag: bytes, payload: bytes, *, settled: bool) -> int:
        number = self._next_delivery
        self._next_delivery = (number + 1) & _UINT32
        largest = self._connection.max_frame_bytes - _FRAME_OVERHEAD
        for start in range(0, len(payload), largest):
            self._send(
                Transfer(
                    handle=UInt(handle),
                    delivery_id=UInt(number),
                    delivery_tag=tag,
                    message_format=UInt(0),
                    settled=settled,
                    more=start + largest < len(payload),
                ),
                payload[start : start + largest],
            )
            self._next_outgoing = (self._next_outgoing + 1) & _UINT32
            self._client_window -= 1
        return number

    def store_delivery(self, delivery_id: int, link: SendingLink, message: Message[Envelope]) -> None:
        if message.lock is not None:
            self._deliveries[delivery_id] = _Delivery(link, message.lock)
        if len(self._deliveries) > _MAX_UNSETTLED:
            del self._deliveries[next(iter(self._deliveries))]

    # Internal

    def _open_outgoing_link(self, frame: Attach, node: Node) -> OutgoingLink:
        if isinstance(node, RequestNode):
            return ReplyLink(self, frame.handle, node.address)
        return SendingLink(self, frame.handle, node, deletes=frame.snd_settle_mode == _SETTLED_BY_SENDER)

    def _acceptance(self, node: Node) -> Callable[[bytes, int], None]:
        if isinstance(node, QueueNode):
            return node.accept

        def respond(data: bytes, _message_format: int) -> None:
            reply = node.answer(data)
            for outgoing_link in self._outgoing_links.values():
                if isinstance(outgoing_link, ReplyLink) and outgoing_link.address == node.address:
                    outgoing_link.reply(reply)
                    return
            raise QueueNotFound(f"no link of this session receives replies from {node.address}")

        return respond

    def _close_link(self, handle: int) -> bool:
        outgoing_link = self._outgoing_links.pop(handle, None)
        if outgoing_link is not None:
            outgoing_link.close()
            self._deliveries = {
                number: delivery for number, delivery in self._deliveries.items() if delivery.link is not outgoing_link
            }
        return self._receiving_links.pop(handle, None) is not None or outgoing_link is not None

    def _confirm(self, first: int, last: int, state: Described) -> None:
        self._send(Disposition(role=False, first=UInt(first), last=UInt(last), settled=True, state=state))

    def _flow(self, **fields: Any) -> None:
        self._send(
            Flow(
                next_incoming_id=UInt(self._next_incoming),
                incoming_window=UInt(_WINDOW),
                next_outgoing_id=UInt(self._next_outgoing),
                outgoing_window=UInt(_WINDOW),
                **fields,
            )
        )

    def _send(self, performative: msgspec.Struct, payload: bytes = b"") -> None:
        self._connection.send(self._channel, performative, payload)


def _address(terminus: Any) -> str:
    fields = terminus.value if isinstance(terminus, Described) else None
    return str(fields[0]) if isinstance(fields, list) and fields else ""


def _attached(frame: Attach, address: str) -> Attach:
    """Return the attach frame of the broker for a link. Source and target are set, because clients require them."""
    return Attach(
        name=frame.name,
        handle=frame.handle,
        role=not frame.role,
        snd_settle_mode=frame.snd_settle_mode or UByte(0),
        rcv_settle_mode=frame.rcv_settle_mode or UByte(0),
        source=Described(ULong(0x28), [_address(frame.source) or address]),
        target=Described(ULong(0x29), [_address(frame.target) or address]),
        initial_delivery_count=UInt(0) if frame.role else None,
        max_message_size=ULong(MAX_MESSAGE_BYTES),
    )
