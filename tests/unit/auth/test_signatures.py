"""Request signatures: published test vectors are valid, every altered request is rejected."""

import hmac
import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from app.auth import signatures
from app.auth.signatures import WINDOW_SECONDS, MalformedSignature, RequestTarget, Signature, SignatureVersion

VECTORS = json.loads(Path("docs/reference/signature-vectors.json").read_text("utf-8"))["vectors"]
NOW = 1_790_000_000
SECRETS = {"acme": [b"first secret", b"second secret"]}
TARGET = RequestTarget("POST", "inventory.example.com", "/api/v2/triggers/scheduler", "a=1")
BODY = b'{"run_type":"full"}'


def headers(**values: str) -> Headers:
    return Headers({name.replace("_", "-"): value for name, value in values.items()})


def parse_sent(sent: Headers) -> Signature | None:
    """Parse the signature headers. None if they have no valid form."""
    try:
        return signatures.read(sent)
    except MalformedSignature:
        return None


def valid_signature(version: SignatureVersion = SignatureVersion.V2, **values: Any) -> Signature:
    """A valid signature of TARGET and BODY."""
    nonce = "n-1" if version is SignatureVersion.V2 else ""
    unsigned = Signature(version, "acme", str(NOW), "", nonce)
    digest = signatures.sign(SECRETS["acme"][0], signatures.canonical(unsigned, TARGET, BODY))
    fields = {"version": version, "client_id": "acme", "timestamp": str(NOW), "digest": digest, "nonce": nonce}
    return Signature(**{**fields, **values})


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(vector["name"]))
def test_published_vectors_are_valid(vector: Mapping[str, Any]) -> None:
    request = vector["request"]
    read = signatures.read(Headers(request["headers"]))
    assert read is not None
    target = RequestTarget(request["method"], request["host"], request["path"], request["query"])
    body = request["body"].encode()
    assert signatures.canonical(read, target, body).decode() == vector["canonical"]
    assert signatures.is_valid(read, target, body, {"acme": [vector["secret"].encode()]})
    assert not signatures.is_valid(read, target, body, {"acme": [b"another"]})


def test_vectors_cover_both_versions() -> None:
    versions = {vector["request"]["headers"].get("X-Signature-Version", "1") for vector in VECTORS}
    assert versions == {"1", "2"}


@pytest.mark.parametrize("version", SignatureVersion)
@pytest.mark.parametrize(
    ("target", "body"),
    [
        (RequestTarget("PUT", TARGET.host, TARGET.path, TARGET.query), BODY),
        (RequestTarget(TARGET.method, TARGET.host, "/api/v2/triggers/Scheduler", TARGET.query), BODY),
        (TARGET, b'{"run_type":"Full"}'),
        (TARGET, b""),
    ],
)
def test_altered_request_is_rejected(version: SignatureVersion, target: RequestTarget, body: bytes) -> None:
    assert signatures.is_valid(valid_signature(version), TARGET, BODY, SECRETS)
    assert not signatures.is_valid(valid_signature(version), target, body, SECRETS)


def test_version_two_also_signs_host_query_and_nonce() -> None:
    given_signature = valid_signature()
    for target in (
        RequestTarget(TARGET.method, "other.example.com", TARGET.path, TARGET.query),
        RequestTarget(TARGET.method, TARGET.host, TARGET.path, "a=2"),
    ):
        assert not signatures.is_valid(given_signature, target, BODY, SECRETS)
        assert signatures.is_valid(valid_signature(SignatureVersion.V1), target, BODY, SECRETS)
    assert not signatures.is_valid(valid_signature(nonce="n-2"), TARGET, BODY, SECRETS)


def test_altered_timestamp_is_rejected_and_old_one_is_stale() -> None:
    assert not signatures.is_valid(valid_signature(timestamp=str(NOW + 1)), TARGET, BODY, SECRETS)
    fresh = [valid_signature().is_timely(NOW + offset) for offset in (-WINDOW_SECONDS, WINDOW_SECONDS)]
    stale = [valid_signature().is_timely(NOW + offset) for offset in (-WINDOW_SECONDS - 1, WINDOW_SECONDS + 1)]
    assert (fresh, stale) == ([True, True], [False, False])


def test_each_secret_of_client_is_valid_during_rotation() -> None:
    unsigned = valid_signature(digest="")
    text = signatures.canonical(unsigned, TARGET, BODY)
    for secret in SECRETS["acme"]:
        assert signatures.is_valid(valid_signature(digest=signatures.sign(secret, text)), TARGET, BODY, SECRETS)


def test_secret_of_another_client_is_rejected() -> None:
    assert not signatures.is_valid(valid_signature(), TARGET, BODY, {"acme": [b"x"], "shop": SECRETS["acme"]})


def test_signature_of_unknown_client_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[int] = []
    plain = hmac.compare_digest

    def compare(made: str, sent: str) -> bool:
        compared.append(len(made))
        return plain(made, sent)

    monkeypatch.setattr(hmac, "compare_digest", compare)
    for secrets in ({}, {"acme": [b"wrong"]}):
        assert not signatures.is_valid(valid_signature(), TARGET, BODY, secrets)
    assert compared == [64, 64]


def test_unknown_client_is_rejected_when_digest_matches_placeholder() -> None:
    text = signatures.canonical(valid_signature(digest=""), TARGET, BODY)
    forged = valid_signature(digest=signatures.sign(signatures._UNKNOWN_CLIENT_SECRETS[0], text))
    assert not signatures.is_valid(forged, TARGET, BODY, {})


def test_mutated_signatures_are_rejected() -> None:
    genuine = valid_signature()
    dice = random.Random(7)
    for _ in range(1000):
        field = dice.choice(("client_id", "timestamp", "digest", "nonce"))
        text = getattr(genuine, field)
        at = dice.randrange(len(text))
        mutated = text[:at] + dice.choice("0123456789abcdefghijklmnopqrstuvwxyz-") + text[at + 1 :]
        if mutated == text:
            mutated = text[:at] + text[at + 1 :]
        sent = headers(
            x_client_id=genuine.client_id, x_timestamp=genuine.timestamp, x_signature=genuine.digest,
            x_nonce=genuine.nonce, x_signature_version="2",
        ).mutablecopy()  # fmt: skip
        sent[f"x-{'signature' if field == 'digest' else field.replace('_', '-')}"] = mutated
        read = parse_sent(sent)
        assert read is None or not signatures.is_valid(read, TARGET, BODY, SECRETS), (field, mutated)


GOOD = {"x-client-id": "acme", "x-timestamp": str(NOW), "x-signature": "0" * 64}


def test_headers_are_read_in_both_versions() -> None:
    assert signatures.read(Headers(GOOD)) == Signature(SignatureVersion.V1, "acme", str(NOW), "0" * 64)
    assert signatures.read(Headers({**GOOD, "x-signature-version": "1"})) == signatures.read(Headers(GOOD))
    second = Headers({**GOOD, "x-signature-version": "2", "x-nonce": "n"})
    assert signatures.read(second) == Signature(SignatureVersion.V2, "acme", str(NOW), "0" * 64, "n")


@pytest.mark.parametrize(
    "change",
    [
        {"x-client-id": ""},
        {"x-client-id": "a b"},
        {"x-timestamp": ""},
        {"x-timestamp": f"+{NOW}"},
        {"x-timestamp": f"0{NOW}"},
        {"x-timestamp": "١٧٩٠٠٠٠٠٠٠".encode().decode("latin-1")},
        {"x-timestamp": "9" * 13},
        {"x-signature": "0" * 63},
        {"x-signature": " " + "0" * 63},
        {"x-signature-version": "2"},
        {"x-signature-version": "2", "x-nonce": "a b"},
        {"x-signature-version": "3", "x-nonce": "n"},
    ],
)
def test_malformed_headers_are_rejected(change: Mapping[str, str]) -> None:
    changed, *_ = change
    header = {"2": "x-nonce"}.get(change.get("x-signature-version", ""), changed)
    with pytest.raises(MalformedSignature) as raised:
        signatures.read(Headers({**GOOD, **change}))
    assert raised.value.header.lower() == header


@pytest.mark.parametrize("name", GOOD)
def test_missing_header_is_named(name: str) -> None:
    with pytest.raises(MalformedSignature, match=f"(?i)^{name} is missing"):
        signatures.read(Headers({key: value for key, value in GOOD.items() if key != name}))


def test_hex_case_of_signature_is_ignored() -> None:
    genuine = valid_signature()
    for digest in (genuine.digest.upper(), genuine.digest.title()):
        sent = headers(
            x_client_id="acme", x_timestamp=str(NOW), x_signature=digest, x_nonce="n-1", x_signature_version="2"
        )
        assert signatures.read(sent) == genuine


@pytest.mark.parametrize("name", ["x-client-id", "x-timestamp", "x-signature", "x-signature-version", "x-nonce"])
def test_duplicate_header_is_rejected(name: str) -> None:
    every = {**GOOD, "x-signature-version": "2", "x-nonce": "n"}
    raw = [(key.encode(), value.encode()) for key, value in every.items()]
    assert signatures.read(Headers(raw=raw)) is not None
    with pytest.raises(MalformedSignature, match=f"(?i)^{name} is there more than once"):
        signatures.read(Headers(raw=[*raw, (name.encode(), every[name].encode())]))


_latin = st.text(st.characters(max_codepoint=255), max_size=80)


@given(
    values=st.fixed_dictionaries({name: st.lists(_latin | st.just(GOOD.get(name, "2")), max_size=2) for name in
                                  (*GOOD, "x-signature-version", "x-nonce")}),
    body=st.binary(max_size=50),
    target=st.builds(RequestTarget, _latin, _latin, _latin, _latin),
)  # fmt: skip
def test_random_headers_are_rejected_without_error(
    values: Mapping[str, list[str]], body: bytes, target: RequestTarget
) -> None:
    raw = [(name.encode(), text.encode("latin-1")) for name, texts in values.items() for text in texts]
    read = parse_sent(Headers(raw=raw))
    assert read is None or not signatures.is_valid(read, target, body, SECRETS)
    assert read is None or read.is_timely(NOW) in (True, False)
