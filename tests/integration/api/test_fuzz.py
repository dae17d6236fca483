"""Fuzzing of keys, signatures, parameters, ids and cursors: a well-formed error, and no unauthorized access."""

import asyncio
import json
import random
import string
from collections.abc import AsyncIterator, Iterable, Sequence
from time import time
from typing import Any
from urllib.parse import quote_from_bytes, urlsplit

import asyncpg
import httpx
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, example, given
from hypothesis import settings as profile
from hypothesis import strategies as st

from app.auth import keys, signatures
from app.auth.api_key_service import ApiKeyService
from app.auth.scopes import Scope
from app.auth.signatures import RequestTarget, Signature, SignatureVersion
from inventory.core.database import Database
from inventory.core.settings import Settings
from tests.integration.api.diamonds import Insert, MakeKey, build
from tests.integration.api.runs import build_run

PATH = "/api/v2/diamonds"
SECRET = "a secret"
LEGACY = "a key of the previous system: any string"
NAMES = (
    "shape", "color", "color[]", "clarity[]", "cut", "carat_min", "carat_max", "lab_grown", "price_min", "price_max",
    "retail_price_min", "availability", "certificate_lab", "certificate_number", "page", "limit", "sort_by", "sort_order",
)  # fmt: skip
NASTY = (
    "", " ", "0", "-1", "1e400", "1e-400", "9" * 18, str(2**63), str(2**64), "NaN", "Infinity", "0x10", "1_0", "\u0661",
    "\x00", "\ud800", "D,E", "'; DROP TABLE diamonds; --", "$1", "%", "true\n", "[]", "{}", "../..", "A" * 3000, "ß", "İ",
)  # fmt: skip
# One server for many examples.
MANY = profile(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])

texts = st.text(max_size=40) | st.sampled_from(NASTY)
raw = st.binary(max_size=60) | texts.map(lambda text: text.encode("utf-8", "surrogatepass"))
# Allowed in a header line. Other bytes are covered by the tests of malformed requests.
lines = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=90)


@pytest.fixture
def settings(database_url: str, redis_url: str) -> Settings:
    return Settings.read(
        database_url=database_url,
        redis_url=redis_url,
        environment="production",
        hmac_secrets=json.dumps({"acme": SECRET}),
        rate_limit_failures_per_minute=1_000_000,
    )


@pytest_asyncio.fixture
async def key(settings: Settings, database_url: str) -> str:
    """Keys of acme, which may also sign in both versions, and a key of the previous system."""
    async with Database.open(settings.database) as database:
        issued = await ApiKeyService(database).create(
            "acme", "acme", [Scope.DIAMONDS_READ, Scope.SYNC_READ], signature_v1=True
        )
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        "INSERT INTO inventory.api_keys (id, client_id, name, key_hash, scopes) VALUES ('old', 'old', 'old', $1, $2)",
        keys.digest(LEGACY.encode()),
        [str(Scope.DIAMONDS_READ)],
    )
    await connection.close()
    return issued.key.text


@pytest_asyncio.fixture
async def client(address: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=address, timeout=60) as client:
        yield client


async def send(address: str, target: bytes, *headers: tuple[str, bytes], method: bytes = b"GET") -> tuple[int, Any]:
    """Send a raw request. Returns the status and the decoded body, which must follow the contract."""
    url = urlsplit(address)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    head = [method + b" " + target + b" HTTP/1.1", b"Host: x", b"Connection: close"]
    head += [name.encode() + b": " + value for name, value in headers]
    writer.write(b"\r\n".join(head) + b"\r\n\r\n")
    async with asyncio.timeout(30):
        answer = await reader.read()
    writer.close()
    status, (_, _, text) = int(answer.split(b" ", 2)[1]), answer.partition(b"\r\n\r\n")
    body = json.loads(text)
    assert status < 500, (target, headers, answer)
    if status != 200:
        assert set(body["error"]) <= {"code", "message", "details"}
        assert body["error"]["code"] in {"VALIDATION_ERROR", "BAD_REQUEST", "UNAUTHORIZED", "FORBIDDEN", "NOT_FOUND"}
    return status, body


def signed(version: SignatureVersion, number: int) -> dict[str, str]:
    """Headers of a valid request."""
    unsigned = Signature(version, "acme", str(int(time())), "", f"n{number}")
    text = signatures.canonical(unsigned, RequestTarget("GET", "fuzz.example.com", PATH, ""), b"")
    headers = {
        "Host": "fuzz.example.com",
        "X-Client-Id": "acme",
        "X-Timestamp": unsigned.timestamp,
        "X-Signature": signatures.sign(SECRET.encode(), text),
    }
    return (
        headers if version is SignatureVersion.V1 else headers | {"X-Signature-Version": "2", "X-Nonce": unsigned.nonce}
    )


def mutated(dice: random.Random, text: str) -> str:
    """Another text: a character changed, removed or added, two swapped, a part removed or repeated."""
    alphabet = string.ascii_letters + string.digits + "_-:. "
    while True:
        at, other = sorted(dice.choices(range(len(text) + 1), k=2))
        result = dice.choice((
            text[:at] + dice.choice(alphabet) + text[at + 1 :],
            text[:at] + dice.choice(alphabet) + text[at:],
            text[:at] + text[at + 1 :],
            text[:at] + text[other:],
            text[:other] + text[at:other] + text[other:],
            text[:at] + text[at : at + 2][::-1] + text[at + 2 :],
            text.swapcase(),
        )).strip()  # fmt: skip
        if result != text:
            return result


async def statuses(client: httpx.AsyncClient, every: Iterable[dict[str, str]]) -> list[int]:
    """Statuses of requests with these headers, sent concurrently."""
    places = asyncio.Semaphore(20)

    async def ask(headers: dict[str, str]) -> int:
        async with places:
            return (await client.get(PATH, headers=headers)).status_code

    return list(await asyncio.gather(*map(ask, every)))


@pytest.mark.timeout(300)
async def test_mutated_keys_are_rejected(client: httpx.AsyncClient, key: str) -> None:
    dice = random.Random(11)
    genuine: Sequence[dict[str, str]] = (
        {"X-API-Key": key},
        {"X-API-Key": LEGACY},
        {"Authorization": f"Bearer {key}"},
    )
    assert await statuses(client, genuine) == [200, 200, 200]
    forged = []
    for _ in range(1000):
        ((name, value),) = dice.choice(genuine).items()
        word, _, secret = value.rpartition(" ") if name == "Authorization" else ("", "", value)
        forged.append({name: f"{word} {mutated(dice, secret)}".lstrip()})
    assert set(await statuses(client, forged)) == {401}
    assert await statuses(client, genuine) == [200, 200, 200]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("version", SignatureVersion)
async def test_mutated_signatures_are_rejected(client: httpx.AsyncClient, key: str, version: SignatureVersion) -> None:
    dice = random.Random(12)
    assert await statuses(client, [signed(version, number) for number in range(3)]) == [200, 200, 200]
    forged = []
    for number in range(1000):
        headers = signed(version, 1000 + number)
        covered = [name for name in headers if name != "Host" or version is SignatureVersion.V2]
        name = dice.choice(covered)
        genuine = headers[name]
        headers[name] = mutated(dice, genuine)
        while name == "X-Signature" and headers[name].lower() == genuine.lower():
            headers[name] = mutated(dice, genuine)  # its hexadecimal digits may have either case
        if name == "X-Signature-Version" and headers[name] in {"", "1"}:
            headers[name] = "3"  # with version 1 it is tested as a mutation of that version below
        forged.append(headers)
    forged += [
        signed(SignatureVersion.V2, 5000) | {"X-Signature-Version": "1"},
        signed(SignatureVersion.V1, 0) | {"X-Signature-Version": "2"},
    ]
    assert set(await statuses(client, forged)) <= {400, 401}
    assert await statuses(client, [signed(version, 9000)]) == [200]


@MANY
@given(values=st.lists(st.tuples(st.sampled_from(("X-API-Key", "Authorization")), lines), max_size=3))
async def test_random_keys_are_rejected(address: str, values: list[tuple[str, str]]) -> None:
    status, _ = await send(address, PATH.encode(), *((name, text.encode("latin-1")) for name, text in values))
    assert status == 401


@MANY
@given(
    values=st.fixed_dictionaries(
        {},
        optional={
            name: lines | st.just(value) for name, value in signed(SignatureVersion.V2, 0).items() if name != "Host"
        },
    )
)
async def test_random_signatures_are_rejected(address: str, key: str, values: dict[str, str]) -> None:
    status, _ = await send(address, PATH.encode(), *((name, text.encode("latin-1")) for name, text in values.items()))
    assert status == 401


@MANY
@given(pairs=st.lists(st.tuples(st.sampled_from(NAMES) | texts, raw), max_size=8), tail=raw)
@example(pairs=[], tail=b"#")
async def test_random_searches_are_answered_or_rejected_by_name(
    address: str, key: str, pairs: list[tuple[str, bytes]], tail: bytes
) -> None:
    query = "&".join(
        f"{quote_from_bytes(name.encode('utf-8', 'surrogatepass'), safe='[]')}={quote_from_bytes(value)}"
        for name, value in pairs
    )
    target = f"{PATH}?{query}&{quote_from_bytes(tail, safe='%&=+;#/?')}".encode()
    status, body = await send(address, target, ("X-API-Key", key.encode()))
    assert status in {200, 400, 403}
    if b"#" in target:
        assert status == 400  # a fragment is not part of a request, so the server rejects it before routing
        assert "fragment" in body["error"]["message"]
    elif status == 400:
        assert set(body["error"]["details"]) <= {name.removesuffix("[]") for name in NAMES}


@MANY
@given(identity=raw.filter(bool), below=st.sampled_from(("", "/availability")))
async def test_random_ids_are_not_found(address: str, key: str, identity: bytes, below: str) -> None:
    method = b"POST" if below else b"GET"
    target = f"{PATH}/{quote_from_bytes(identity, safe='')}{below}".encode()
    status, _ = await send(address, target, ("X-API-Key", key.encode()), method=method)
    assert status in {404, 405}


PAGED = (
    "diamonds(first: 2, after: $at)", "diamonds(last: 2, before: $at, sort: {by: COLOR})", "syncRuns(first: 1, after: $at)",
    "holds(first: 1, after: $at)", "purchases(first: 1, after: $at)",
    'diamondHistory(diamondId: "00000000-0000-0000-0000-000000000000", first: 1, after: $at)',
)  # fmt: skip
GENUINE = "{ diamonds(first: 2) { pageInfo { endCursor } } syncRuns(first: 1) { pageInfo { endCursor } } eventCursor }"


@pytest.mark.parametrize("field", PAGED)
async def test_random_cursors_are_rejected_by_name_or_valid(
    client: httpx.AsyncClient, make_key: MakeKey, insert: Insert, field: str
) -> None:
    await insert([build(number) for number in range(1, 5)])
    await insert([build_run(number) for number in range(1, 4)], table="run_metadata")
    headers = {"X-API-Key": await make_key(*Scope)}

    async def ask(query: str, **variables: Any) -> Any:
        response = await client.post("/graphql", json={"query": query, "variables": variables}, headers=headers)
        assert response.status_code == 200, response.text
        return response.json()

    data = (await ask(GENUINE))["data"]
    genuine = [data[name]["pageInfo"]["endCursor"] for name in ("diamonds", "syncRuns")] + [data["eventCursor"]]
    dice = random.Random(13)
    tried = [*genuine, *(mutated(dice, dice.choice(genuine)) for _ in range(40))]
    tried += [text for text in NASTY if text.isprintable() or "\x00" in text]
    refused = 0
    for text in tried:
        body = await ask(f"query ($at: String) {{ {field} {{ __typename }} }}", at=text)
        codes = {error["extensions"]["code"] for error in body.get("errors", ())}
        assert codes <= {"VALIDATION_ERROR"}, (text, body)
        refused += bool(codes)
    assert refused > len(NASTY) / 2
