"""Request signatures (HMAC-SHA-256), versions 1 and 2: headers, canonical text, verification. Pure.

Version 1, of the previous system, signs method, path, timestamp and body. A recorded request can be replayed within the
time window. Version 2 adds host, query and a single-use nonce. `docs/reference/signature-vectors.json` has examples.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Protocol

import msgspec

# Maximum difference between the timestamp of a request and the server time, in either direction.
WINDOW_SECONDS = 300

_CLIENT_ID = re.compile(r"[\x21-\x7e]{1,200}")
_TIMESTAMP = re.compile(r"[1-9][0-9]{0,11}", re.ASCII)
_SIGNATURE = re.compile(r"[0-9a-fA-F]{64}")
_NONCE = re.compile(r"[\x21-\x7e]{1,200}")
# Compared with the signature of an unknown client, so that unknown and known clients take the same time.
_UNKNOWN_CLIENT_SECRETS = (b"unknown",)


class SignatureVersion(IntEnum):
    """Version of the canonical text."""

    V1 = 1
    V2 = 2


class MultiHeaders(Protocol):
    """Headers with repeated names. Names are case-insensitive."""

    def getlist(self, key: str) -> list[str]:
        """Return all values of a header."""


class MalformedSignature(Exception):
    """The signature headers are malformed. The message depends on the headers alone, not on a secret or a client."""

    def __init__(self, header: str, problem: str) -> None:
        super().__init__(f"{header} {problem}.")
        self.header = header


class Signature(msgspec.Struct, frozen=True):
    """Well-formed, unverified signature headers.

    `timestamp` is in Unix seconds, as sent. `nonce` is empty in version 1.
    """

    version: SignatureVersion
    client_id: str
    timestamp: str
    digest: str
    nonce: str = ""

    def is_timely(self, now: float) -> bool:
        """Whether the timestamp is within the time window around `now` (Unix seconds)."""
        return abs(now - int(self.timestamp)) <= WINDOW_SECONDS


class RequestTarget(msgspec.Struct, frozen=True):
    """Method, host, path and query of a request: raw bytes decoded as Latin-1, without percent-decoding or sorting."""

    method: str
    host: str
    path: str
    query: str


def is_signed(headers: MultiHeaders) -> bool:
    """Whether a request has a header of a signature: X-Client-Id or X-Signature."""
    return bool(headers.getlist("x-client-id") or headers.getlist("x-signature"))


def read(headers: MultiHeaders) -> Signature:
    """Read the signature of a request from its headers. Hexadecimal digits may be in upper or lower case.

    Raises:
        MalformedSignature: a header is missing, malformed or repeated.
    """
    version = _single(headers, "X-Signature-Version")
    if version not in ("", "1", "2"):
        raise MalformedSignature("X-Signature-Version", "should be 1 or 2")
    client_id = _matching(headers, "X-Client-Id", _CLIENT_ID, "1 to 200 visible ASCII characters")
    timestamp = _matching(headers, "X-Timestamp", _TIMESTAMP, "Unix seconds")
    digest = _matching(headers, "X-Signature", _SIGNATURE, "64 hexadecimal digits").lower()
    if version != "2":
        _single(headers, "X-Nonce")
        return Signature(SignatureVersion.V1, client_id, timestamp, digest)
    nonce = _matching(headers, "X-Nonce", _NONCE, "1 to 200 visible ASCII characters")
    return Signature(SignatureVersion.V2, client_id, timestamp, digest, nonce)


def _matching(headers: MultiHeaders, name: str, form: re.Pattern[str], accepted: str) -> str:
    text = _single(headers, name)
    if not text:
        raise MalformedSignature(name, "is missing")
    if not form.fullmatch(text):
        raise MalformedSignature(name, f"should hold {accepted}")
    return text


def _single(headers: MultiHeaders, name: str) -> str:
    values = headers.getlist(name)
    if len(values) > 1:
        raise MalformedSignature(name, "is there more than once")
    return values[0] if values else ""


def canonical(signature: Signature, target: RequestTarget, body: bytes) -> bytes:
    """Return the canonical text that the client signs."""
    body_digest = hashlib.sha256(body).hexdigest()
    lines: Sequence[str]
    if signature.version is SignatureVersion.V1:
        lines = (target.method, target.path, signature.timestamp, body_digest)
    else:
        where = (target.method, target.host, target.path, target.query)
        lines = ("v2", *where, signature.timestamp, signature.nonce, body_digest)
    return "\n".join(lines).encode("latin-1")


def sign(secret: bytes, text: bytes) -> str:
    """Return the HMAC-SHA-256 of a text, hexadecimal."""
    return hmac.new(secret, text, hashlib.sha256).hexdigest()


def is_valid(signature: Signature, target: RequestTarget, body: bytes, secrets: Mapping[str, Sequence[bytes]]) -> bool:
    """Verify a signature in constant time against all secrets of the client.

    An unknown client costs the same work as a client with one secret.
    """
    known = secrets.get(signature.client_id)
    text = canonical(signature, target, body)
    matches = [hmac.compare_digest(sign(secret, text), signature.digest) for secret in known or _UNKNOWN_CLIENT_SECRETS]
    return bool(known) and any(matches)
