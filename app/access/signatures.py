"""Signed requests: what is signed, in two versions, and whether a signature is the client's. Pure.

Version 1, of the previous system, signs method, path, time and body; who records a request can send it again while its
time is fresh. Version 2 adds the host, the query and a nonce that works once. `docs/signature-vectors.json` has examples.
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

_HEADERS = ("x-client-id", "x-timestamp", "x-signature", "x-signature-version", "x-nonce")
_CLIENT_ID = re.compile(r"[\x21-\x7e]{1,200}")
_TIMESTAMP = re.compile(r"[1-9][0-9]{0,11}", re.ASCII)
_SIGNATURE = re.compile(r"[0-9a-f]{64}")
_NONCE = re.compile(r"[\x21-\x7e]{1,200}")
# What a signature is checked against when nobody has the client's id: the work is the same either way.
_NOBODYS_SECRETS = (b"nobody",)


class Version(IntEnum):
    """Which of the two ways to sign."""

    V1 = 1
    V2 = 2


class MultiHeaders(Protocol):
    """Headers of which each may stand more than once; names in any case."""

    def getlist(self, key: str) -> list[str]:
        """Every value of a header."""


class Signature(msgspec.Struct, frozen=True):
    """What the headers of a signed request say, well-formed; whether it is true remains to be seen.

    `timestamp`: Unix seconds, as written. `nonce` is empty in version 1.
    """

    version: Version
    client_id: str
    timestamp: str
    digest: str
    nonce: str = ""

    def fresh_at(self, now: float) -> bool:
        """Whether the request's time is near `now` (Unix seconds)."""
        return abs(now - int(self.timestamp)) <= WINDOW_SECONDS


class Target(msgspec.Struct, frozen=True):
    """What a request is sent to: the raw bytes of the request line, read as Latin-1, nothing decoded or put in order."""

    method: str
    host: str
    path: str
    query: str


def signed(headers: MultiHeaders) -> bool:
    """Whether a request means to be signed: it bears one of the headers that say who signed."""
    return bool(headers.getlist("x-client-id") or headers.getlist("x-signature"))


def read(headers: MultiHeaders) -> Signature | None:
    """The signature in a request's headers; None when one is missing, malformed or there twice."""
    listed = {name: headers.getlist(name) for name in _HEADERS}
    if any(len(values) > 1 for values in listed.values()):
        return None
    client_id, timestamp, digest, version, nonce = ((values[0] if values else "") for values in listed.values())
    if not (_CLIENT_ID.fullmatch(client_id) and _TIMESTAMP.fullmatch(timestamp) and _SIGNATURE.fullmatch(digest)):
        return None
    if version in ("", "1"):
        return Signature(Version.V1, client_id, timestamp, digest)
    if version == "2" and _NONCE.fullmatch(nonce):
        return Signature(Version.V2, client_id, timestamp, digest, nonce)
    return None


def canonical(signature: Signature, target: Target, body: bytes) -> bytes:
    """The bytes that the client has signed."""
    body_digest = hashlib.sha256(body).hexdigest()
    lines: Sequence[str]
    if signature.version is Version.V1:
        lines = (target.method, target.path, signature.timestamp, body_digest)
    else:
        where = (target.method, target.host, target.path, target.query)
        lines = ("v2", *where, signature.timestamp, signature.nonce, body_digest)
    return "\n".join(lines).encode("latin-1")


def sign(secret: bytes, text: bytes) -> str:
    """HMAC-SHA-256, hexadecimal."""
    return hmac.new(secret, text, hashlib.sha256).hexdigest()


def genuine(signature: Signature, target: Target, body: bytes, secrets: Mapping[str, Sequence[bytes]]) -> bool:
    """Whether one of the client's secrets made the signature. Every secret is tried, and compared in constant time.

    A client that nobody knows costs the same work as one with a single secret.
    """
    known = secrets.get(signature.client_id)
    text = canonical(signature, target, body)
    matches = [hmac.compare_digest(sign(secret, text), signature.digest) for secret in known or _NOBODYS_SECRETS]
    return bool(known) and any(matches)
