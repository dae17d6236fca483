import pytest

from sandbox.broker.errors import NotAllowed, QueueFull
from sandbox.broker.frames import Flow, Transfer
from sandbox.broker.link import ACCEPTED, MAX_MESSAGE_BYTES, ReceivingLink, ReplyLink
from sandbox.broker.values import Described, UInt

HANDLE = 3


class Wire:
    """Records the frames that a link sends."""

    writable = True

    def __init__(self) -> None:
        self.grants: list[tuple[int, int]] = []
        self.outcomes: list[tuple[int, Described]] = []
        self.sent: list[bytes] = []

    def grant(self, handle: int, delivery_count: int, credit: int) -> None:
        assert handle == HANDLE
        self.grants.append((delivery_count, credit))

    def settle(self, delivery_id: int, state: Described) -> None:
        self.outcomes.append((delivery_id, state))

    def transfer(self, handle: int, tag: bytes, payload: bytes, *, settled: bool) -> int:
        assert (handle, settled, bool(tag)) == (HANDLE, True, True)
        self.sent.append(payload)
        return len(self.sent)

    def store_delivery(self, *_: object, **__: object) -> None:
        raise AssertionError("replies are settled when they are sent")


def transfer(number: int, *, more: bool = False, settled: bool = False, aborted: bool = False) -> Transfer:
    return Transfer(UInt(HANDLE), UInt(number), b"tag", UInt(0), settled=settled, more=more, aborted=aborted)


def flow(credit: int, delivery_count: int) -> Flow:
    return Flow(
        None, UInt(1), UInt(0), UInt(1), UInt(HANDLE), delivery_count=UInt(delivery_count), link_credit=UInt(credit)
    )


def reply_link(wire: Wire) -> ReplyLink:
    return ReplyLink(wire, HANDLE, "$cbs")


def test_sender_gets_new_credit_before_old_credit_is_used_up() -> None:
    wire = Wire()
    receiving_link = ReceivingLink(wire, HANDLE, lambda _data, _message_format: None)
    receiving_link.grant()
    for number in range(1_000):
        receiving_link.receive(transfer(number), b"a stone")
    assert wire.grants == [(0, 1_000), (500, 1_000), (1_000, 1_000)]
    assert wire.outcomes == [(number, ACCEPTED) for number in range(1_000)]


def test_transfer_frames_are_joined_to_message() -> None:
    received: list[bytes] = []
    receiving_link = ReceivingLink(Wire(), HANDLE, lambda data, _message_format: received.append(data))
    receiving_link.receive(transfer(1, more=True), b"a ")
    receiving_link.receive(transfer(1), b"stone")
    receiving_link.receive(transfer(2, more=True), b"never")
    receiving_link.receive(transfer(2, aborted=True), b" finished")
    receiving_link.receive(transfer(3), b"another")
    assert received == [b"a stone", b"another"]


def test_too_large_message_is_buffered_up_to_one_frame_over_limit() -> None:
    wire = Wire()
    received: list[bytes] = []
    receiving_link = ReceivingLink(wire, HANDLE, lambda data, _message_format: received.append(data))
    frame = b"x" * 60_000
    for _ in range(100):
        receiving_link.receive(transfer(1, more=True), frame)
        assert len(receiving_link._parts) <= MAX_MESSAGE_BYTES + len(frame)
    receiving_link.receive(transfer(1), b"")
    receiving_link.receive(transfer(2), b"small")
    assert received == [b"small"]
    [(first, refusal), second] = wire.outcomes
    assert (first, refusal.descriptor, second) == (1, 0x25, (2, ACCEPTED))


def test_sender_of_settled_messages_is_detached_on_rejection() -> None:
    def refuse(_data: bytes, _message_format: int) -> None:
        raise NotAllowed

    with pytest.raises(NotAllowed):
        ReceivingLink(Wire(), HANDLE, refuse).receive(transfer(1, settled=True), b"a stone")


def test_replies_wait_for_credit_and_for_reading_client() -> None:
    wire = Wire()
    link = reply_link(wire)
    for reply in (b"1", b"2", b"3"):
        link.reply(reply)
    assert wire.sent == []
    link.credit.update(flow(credit=2, delivery_count=0))
    wire.writable = False
    link.serve()
    assert wire.sent == []
    wire.writable = True
    link.serve()
    assert wire.sent == [b"1", b"2"]
    # The client sent this before it received the second reply, so one of the two credits is already used.
    link.credit.update(flow(credit=2, delivery_count=1))
    link.serve()
    assert (wire.sent, link.credit.left) == ([b"1", b"2", b"3"], 0)


def test_unread_replies_are_bounded() -> None:
    link = reply_link(Wire())
    for _ in range(1_000):
        link.reply(b"reply")
    with pytest.raises(QueueFull):
        link.reply(b"reply")


def test_credit_is_correct_after_counter_overflow() -> None:
    wire = Wire()
    link = reply_link(wire)
    link.credit.sent = 2**32 - 1
    link.credit.update(flow(credit=2, delivery_count=2**32 - 1))
    link.reply(b"1")
    link.credit.update(flow(credit=5, delivery_count=0))
    assert (link.credit.sent, link.credit.left) == (0, 5)
