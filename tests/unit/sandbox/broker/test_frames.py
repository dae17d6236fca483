import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.broker.codec import MalformedData
from sandbox.broker.frames import (
    AMQP_HEADER,
    HEARTBEAT,
    MAX_FRAME_BYTES,
    Attach,
    Flow,
    Frame,
    FrameReader,
    SaslInit,
    Transfer,
    write,
)
from sandbox.broker.values import Symbol, UInt

FRAMES = [
    Frame(header=AMQP_HEADER),
    Frame(channel=1, performative=Attach("link", UInt(3), role=True)),
    Frame(),
    Frame(channel=7, performative=Transfer(UInt(3), UInt(1), b"tag", more=False), payload=b"a stone"),
    Frame(channel=7, performative=Flow(None, UInt(1), UInt(0), UInt(1), link_credit=UInt(10))),
    Frame(performative=SaslInit(Symbol("ANONYMOUS"), b"")),
]


def written(frame: Frame) -> bytes:
    if frame.performative is None:
        return frame.header or HEARTBEAT
    return write(frame.performative, channel=frame.channel, payload=frame.payload)


@given(st.lists(st.integers(1, 40), min_size=1))
def test_frames_are_parsed_for_any_segmentation(sizes: list[int]) -> None:
    stream = b"".join(map(written, FRAMES))
    reader = FrameReader()
    frames: list[Frame] = []
    at = 0
    for index in range(len(stream)):
        size = sizes[index % len(sizes)]
        frames += reader.feed(stream[at : at + size])
        at += size
    assert frames == FRAMES


@pytest.mark.parametrize("size", [0, 7, MAX_FRAME_BYTES + 1])
def test_frame_of_invalid_size_is_rejected(size: int) -> None:
    with pytest.raises(MalformedData, match=f"{size} bytes"):
        list(FrameReader().feed(size.to_bytes(4, "big") + b"\x02\x00\x00\x00"))


@pytest.mark.parametrize("body", [b"\x40", b"\x00\x53\x99\x45", b"\x00\x53\x10\x40", b"\x00\xa1\x01a\x45"])
def test_frame_with_unknown_performative_is_rejected(body: bytes) -> None:
    with pytest.raises(MalformedData, match="performative"):
        list(FrameReader().feed((len(body) + 8).to_bytes(4, "big") + b"\x02\x00\x00\x00" + body))


def test_performative_without_required_fields_is_rejected() -> None:
    with pytest.raises(MalformedData, match="Attach lacks a field"):
        list(FrameReader().feed(b"\x00\x00\x00\x0c\x02\x00\x00\x00\x00\x53\x12\x45"))


def test_repr_hides_credentials() -> None:
    assert "secret" not in repr(SaslInit(Symbol("PLAIN"), b"\0name\0secret"))
