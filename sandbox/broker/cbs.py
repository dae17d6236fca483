"""Claims-based security node (`$cbs`). It accepts every token, because the emulator has no secrets."""

from sandbox.broker.envelope import read_request, write_reply
from sandbox.broker.values import Int


def answer(data: bytes) -> bytes:
    """Accept a put-token request. The token is neither checked nor stored."""
    return write_reply(read_request(data), {"status-code": Int(202), "status-description": "Accepted"})
