"""WebSocket opening handshake (RFC 6455, section 4.2)."""

import re
from http import HTTPStatus

from websockets.utils import accept_key

from app.http.errors import ProtocolError
from app.http.request_head import RequestHead

_KEY = re.compile(rb"[0-9A-Za-z+/]{22}==")


def check_handshake(request: RequestHead) -> str:
    """Validate a handshake and return the value of `Sec-WebSocket-Accept`.

    Raises:
        ProtocolError: the request is not a valid handshake.
    """
    versions = [value for name, value in request.fields if name == b"sec-websocket-version"]
    keys = [value for name, value in request.fields if name == b"sec-websocket-key"]
    if versions != [b"13"]:
        raise ProtocolError(HTTPStatus.UPGRADE_REQUIRED, "Send Sec-WebSocket-Version: 13.")
    if request.method != "GET" or len(keys) != 1 or not _KEY.fullmatch(keys[0]):
        raise ProtocolError(HTTPStatus.BAD_REQUEST, "Send one Sec-WebSocket-Key, 16 bytes in Base64, with GET.")
    return accept_key(keys[0].decode("ascii"))


def subprotocols(request: RequestHead) -> list[str]:
    """Return the subprotocols that the client offers, in its order."""
    offers = (value.decode("latin-1") for name, value in request.fields if name == b"sec-websocket-protocol")
    return [token.strip() for offer in offers for token in offer.split(",")]
