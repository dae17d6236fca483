"""`$cbs`: where clients put their tokens. Every token is welcome: this broker serves one machine and keeps no secret."""

from sandbox.broker.envelope import read_request, write_reply
from sandbox.broker.values import Int


def answer(data: bytes) -> bytes:
    """The reply to a put-token request. The token itself is never looked at, nor kept."""
    return write_reply(read_request(data), {"status-code": Int(202), "status-description": "Accepted"})
