"""Signed requests: what is signed, in two versions, and whether a signature is the client's. Pure.

Version 1, of the previous system, signs method, path, time and body; who records a request can send it again while its
time is fresh. Version 2 adds the host, the query and a nonce that works once. `docs/reference/signature-vectors.json` has examples.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Protocol

import msgspec

# How far a request's time may lie from ours, either way.
WINDOW_SECONDS = 300

_CLIENT_ID = re.compile(r"[\x21-\x7e]{1,200}")
_TIMESTAMP = re.compile(r"[1-9][0-9]{0,11}", re.ASCII)
_SIGNATURE = re.compile(r"[0-9a-fA-F]{64}")
_NONCE = re.compile(r"[\x21-\x7e]{1,200}")
# What the signature of an unknown client is checked against: the work is the same either way.
_UNKNOWN_CLIENT_SECRETS = (b"unknown",)


class SignatureVersion(IntEnum):
    """Which of the two ways to sign."""

    V1 = 1
    V2 = 2


class MultiHeaders(Protocol):
    """Headers of which each may stand more than once; names in any case."""

    def getlist(self, key: str) -> list[str]:
        """Every value of a header."""


class MalformedSignature(Exception):
    """Signature headers that have no valid form. The message depends on the headers alone, never on a secret or a client."""

    def __init__(self, header: str, problem: str) -> None:
        super().__init__(f"{header} {problem}.")
        self.header = header


class Signature(msgspec.Struct, frozen=True):
    """What the headers of a signed request say, well-formed; whether it is true remains to be seen.

    `timestamp`: Unix seconds, as written. `nonce` is empty in version 1.
    """

    version: SignatureVersion
    client_id: str
    timestamp: str
    digest: str
    nonce: str = ""

    def fresh_at(self, now: float) -> bool:
        """Whether the request's time is near `now` (Unix seconds)."""
        return abs(now - int(self.timestamp)) <= WINDOW_SECONDS


class RequestTarget(msgspec.Struct, frozen=True):
    """What a request is sent to: the raw bytes of the request line, read as Latin-1, nothing decoded or put in order."""

    method: str
    host: str
    path: str
    query: str


def signed(headers: MultiHeaders) -> bool:
    """Whether a request means to be signed: it bears one of the headers that say who signed."""
    return bool(headers.getlist("x-client-id") or headers.getlist("x-signature"))


def read(headers: MultiHeaders) -> Signature:
    """The signature in a request's headers. Its digits may be of either case.

    Raises:
        MalformedSignature: a header is missing, has another form, or is there twice.
    """
    version = _single(headers, "X-Signature-Version")
    if version not in ("", "1", "2"):
        raise MalformedSignature("X-Signature-Version", "should be 1 or 2")
    client_id = _formed(headers, "X-Client-Id", _CLIENT_ID, "1 to 200 visible ASCII characters")
    timestamp = _formed(headers, "X-Timestamp", _TIMESTAMP, "Unix seconds")
    digest = _formed(headers, "X-Signature", _SIGNATURE, "64 hexadecimal digits").lower()
    if version != "2":
        _single(headers, "X-Nonce")
        return Signature(SignatureVersion.V1, client_id, timestamp, digest)
    nonce = _formed(headers, "X-Nonce", _NONCE, "1 to 200 visible ASCII characters")
    return Signature(SignatureVersion.V2, client_id, timestamp, digest, nonce)


def _formed(headers: MultiHeaders, name: str, form: re.Pattern[str], accepted: str) -> str:
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
    """The bytes that the client has signed."""
    body_digest = hashlib.sha256(body).hexdigest()
    lines: Sequence[str]
    if signature.version is SignatureVersion.V1:
        lines = (target.method, target.path, signature.timestamp, body_digest)
    else:
        where = (target.method, target.host, target.path, target.query)
        lines = ("v2", *where, signature.timestamp, signature.nonce, body_digest)
    return "\n".join(lines).encode("latin-1")


def sign(secret: bytes, text: bytes) -> str:
    """HMAC-SHA-256, hexadecimal."""
    return hmac.new(secret, text, hashlib.sha256).hexdigest()


def genuine(signature: Signature, target: RequestTarget, body: bytes, secrets: Mapping[str, Sequence[bytes]]) -> bool:
    """Whether one of the client's secrets made the signature. Every secret is tried, and compared in constant time.

    An unknown client costs the same work as one with a single secret.
    """
    known = secrets.get(signature.client_id)
    text = canonical(signature, target, body)
    matches = [hmac.compare_digest(sign(secret, text), signature.digest) for secret in known or _UNKNOWN_CLIENT_SECRETS]
    return bool(known) and any(matches)
