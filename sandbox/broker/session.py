"""A session: the links of one client, the deliveries it has yet to settle, and how much it lets us send."""

from collections.abc import Callable
from typing import Any, Final, Protocol
from uuid import UUID

import msgspec

from sandbox.broker.codec import MalformedData
from sandbox.broker.envelope import Envelope
from sandbox.broker.errors import BrokerError, LockLost, QueueNotFound
from sandbox.broker.frames import Attach, Begin, Detach, Disposition, Flow, Transfer
from sandbox.broker.link import MAX_MESSAGE_BYTES, Inlet, MessageOutlet, Outlet, ReplyOutlet, error_of, rejected
from sandbox.broker.message import Message
from sandbox.broker.node import Node, QueueNode, RequestNode
from sandbox.broker.settlement import is_final, settle
from sandbox.broker.values import Described, UByte, UInt, ULong, UShort

# Clients of ours match a disposition to what they sent by its number alone, whichever side numbered it. The broker's begin far away.
_FIRST_ID: Final = 0x4000_0000
_MOST_LINKS: Final = 1_024
_MOST_UNSETTLED: Final = 65_536  # the largest prefetch of the client is 50,000
_WINDOW: Final = 0x7FFF_FFFF  # links have credit; the session itself limits no sender
_FRAME_OVERHEAD: Final = 64  # of a transfer frame, at most
_SETTLED_BY_SENDER: Final = 1
_UINT32: Final = 0xFFFF_FFFF

Resolve = Callable[[str], Node]


class Channel(Protocol):
    """What a session needs of its connection."""

    max_frame_bytes: int  # the client's limit

    @property
    def writable(self) -> bool:
        """Whether the client keeps up with what is sent."""

    def send(self, channel: int, performative: msgspec.Struct, payload: bytes = b"") -> None:
        """Send a frame."""


class _Delivery(msgspec.Struct, frozen=True):
    link: MessageOutlet
    token: UUID


class Session:
    """One client's session. Every method that takes a frame may raise MalformedData: the connection is then over."""

    def __init__(self, connection: Channel, channel: int, begin: Begin, resolve: Resolve) -> None:
        self._connection = connection
        self._channel = channel
        self._resolve = resolve
        self._inlets: dict[int, Inlet] = {}
        self._outlets: dict[int, Outlet] = {}
        self._deliveries: dict[int, _Delivery] = {}
        self._next_incoming: int = begin.next_outgoing_id or 0
        self._next_outgoing = self._next_delivery = _FIRST_ID
        self._room: int = begin.incoming_window  # transfers that the client takes before it must speak again
        self._send(
            Begin(
                remote_channel=UShort(channel),
                next_outgoing_id=UInt(_FIRST_ID),
                incoming_window=UInt(_WINDOW),
                outgoing_window=UInt(_WINDOW),
                handle_max=UInt(_MOST_LINKS - 1),
            )
        )

    # What the client does

    def attach(self, frame: Attach) -> None:
        """Open a link, or open it and say at once why it can't be."""
        if frame.handle >= _MOST_LINKS:
            raise MalformedData("a handle beyond the agreed maximum")
        self._forget(frame.handle)
        address = _address(frame.source if frame.role else frame.target)
        try:
            node = self._resolve(address)
        except QueueNotFound as error:
            # AMQP's way to refuse: a link without ends, then the reason. A client that saw ends would think it open.
            self._send(msgspec.structs.replace(_attached(frame, address), source=None, target=None))
            self._send(Detach(frame.handle, closed=True, error=error_of(error)))
            return
        self._send(_attached(frame, address))
        if frame.role:
            outlet = self._outlet(frame, node)
            self._outlets[frame.handle] = outlet
            outlet.open()
        else:
            inlet = self._inlets[frame.handle] = Inlet(self, frame.handle, self._acceptance(node))
            inlet.grant()

    def flow(self, frame: Flow) -> None:
        """Take note of what the client wants, and serve it."""
        self._room = ((frame.next_incoming_id or _FIRST_ID) + frame.incoming_window - self._next_outgoing) & _UINT32
        outlet = None if frame.handle is None else self._outlets.get(frame.handle)
        if outlet is not None:
            outlet.credit.update(frame)
            outlet.serve()
            if frame.drain:
                outlet.credit.drain()
            if frame.drain or frame.echo:
                self._flow(
                    handle=frame.handle,
                    delivery_count=UInt(outlet.credit.sent),
                    link_credit=UInt(outlet.credit.left),
                    drain=frame.drain,
                )
            return
        self.serve()
        if frame.echo:
            self._flow()

    def take(self, frame: Transfer, payload: bytes) -> None:
        """Take in what the client sends."""
        self._next_incoming = (self._next_incoming + 1) & _UINT32
        inlet = self._inlets.get(frame.handle)
        if inlet is None:
            return  # sent before the client heard that the link is gone
        try:
            inlet.take(frame, payload)
        except BrokerError as error:
            self._forget(frame.handle)
            self._send(Detach(frame.handle, closed=True, error=error_of(error)))

    def dispose(self, frame: Disposition) -> None:
        """Settle deliveries as the client wishes, and confirm where it waits for that."""
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
        """Close a link. The locks of what was not settled stay until they expire."""
        if self._forget(frame.handle):
            self._send(Detach(frame.handle, closed=True))

    def close(self) -> None:
        """Let go of everything: the session has ended, or the client is gone."""
        for handle in [*self._inlets, *self._outlets]:
            self._forget(handle)

    def serve(self) -> None:
        """Send what waits, now that the client can take more."""
        for outlet in list(self._outlets.values()):
            outlet.serve()

    # What the links need

    @property
    def writable(self) -> bool:
        return self._room > 0 and self._connection.writable

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
            self._room -= 1
        return number

    def remember(self, delivery_id: int, link: MessageOutlet, message: Message[Envelope]) -> None:
        if message.lock is not None:
            self._deliveries[delivery_id] = _Delivery(link, message.lock)
        if len(self._deliveries) > _MOST_UNSETTLED:
            del self._deliveries[next(iter(self._deliveries))]

    # Inside

    def _outlet(self, frame: Attach, node: Node) -> Outlet:
        if isinstance(node, RequestNode):
            return ReplyOutlet(self, frame.handle, node.address)
        return MessageOutlet(self, frame.handle, node, deletes=frame.snd_settle_mode == _SETTLED_BY_SENDER)

    def _acceptance(self, node: Node) -> Callable[[bytes, int], None]:
        if isinstance(node, QueueNode):
            return node.accept

        def respond(data: bytes, _message_format: int) -> None:
            reply = node.answer(data)
            for outlet in self._outlets.values():
                if isinstance(outlet, ReplyOutlet) and outlet.address == node.address:
                    outlet.reply(reply)
                    return
            raise QueueNotFound(f"no link of this session takes replies from {node.address}")

        return respond

    def _forget(self, handle: int) -> bool:
        outlet = self._outlets.pop(handle, None)
        if outlet is not None:
            outlet.close()
            self._deliveries = {
                number: delivery for number, delivery in self._deliveries.items() if delivery.link is not outlet
            }
        return self._inlets.pop(handle, None) is not None or outlet is not None

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
    """The answer to an attach: the same link, seen from here. Source and target are written out, clients insist."""
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
