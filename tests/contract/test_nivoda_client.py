"""Client with a misbehaving supplier: retries, failures, secrecy."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import structlog

from inventory.core.errors import (
    SupplierBusy,
    SupplierError,
    SupplierRefused,
    SupplierTimeout,
    SupplierTokenExpired,
    SupplierUnavailable,
)
from inventory.suppliers.nivoda import client as client_module
from inventory.suppliers.nivoda import responses, retries, supplier_schema
from inventory.suppliers.nivoda.client import NivodaClient
from inventory.suppliers.nivoda.documents import COUNT
from tests.contract.nivoda import (
    PASSWORD,
    Act,
    CountingLimiter,
    ScriptedSupplier,
    account,
    answer,
    break_off,
    errors,
    page_of_html,
    refusal,
    reset,
    scripted_supplier,
    stall,
    stall_in_the_body,
    status,
)

EXPIRED = "Unauthorized: invalid or expired token"
PASSING = {
    "500": (status(500), SupplierUnavailable),
    "502": (status(502), SupplierUnavailable),
    "503": (status(503), SupplierUnavailable),
    "504": (status(504), SupplierUnavailable),
    "reset": (reset, SupplierUnavailable),
    "stall": (stall, SupplierTimeout),
    "stall in the body": (stall_in_the_body, SupplierTimeout),
    "broken off": (break_off, SupplierUnavailable),
    "half a body": (answer(b'{"data": {"as": {"diamonds_by'), SupplierUnavailable),
    "no json": (answer(b"<html>Bad gateway</html>"), SupplierUnavailable),
    "not utf-8": (answer(b'{"data": {"as": {"diamonds_by_query_count": "\xff"}}}'), SupplierUnavailable),
    "nothing": (answer(b""), SupplierUnavailable),
    "firewall": (page_of_html(403), SupplierUnavailable),
    "gateway": (page_of_html(502), SupplierUnavailable),
    "internal error with http 400": (refusal(400, "Internal error"), SupplierUnavailable),
    "null": (answer({"data": None}), SupplierUnavailable),
    "a count of null": (answer({"data": {"as": {"diamonds_by_query_count": None}}}), SupplierUnavailable),
    "a negative count": (answer({"data": {"as": {"diamonds_by_query_count": -1}}}), SupplierUnavailable),
    "errors": (errors("Internal server error"), SupplierUnavailable),
    "other errors": (errors("Something is odd"), SupplierError),
    "errors beside data": (errors("Partial outage", {"as": {"diamonds_by_query_count": 5}}), SupplierError),
}


@pytest.fixture
async def supplier() -> AsyncIterator[ScriptedSupplier]:
    async with scripted_supplier() as found:
        yield found


@pytest.fixture
def limiter() -> CountingLimiter:
    return CountingLimiter()


async def count(client: NivodaClient) -> int:
    return (await client.call(COUNT, {"query": {}})).account.diamonds_by_query_count


@pytest.mark.parametrize("name", PASSING)
async def test_transient_fault_is_retried_and_every_request_is_rate_limited(
    supplier: ScriptedSupplier, limiter: CountingLimiter, name: str
) -> None:
    fault, _ = PASSING[name]
    supplier.script.extend([fault, fault])
    async with NivodaClient.open(account(supplier.endpoint, nivoda_timeout_seconds=0.3).nivoda, limiter) as client:
        assert await count(client) == 7
    assert len(supplier.asked) == 3
    assert limiter.turns == supplier.introspections + supplier.logins + len(supplier.asked) == 5


@pytest.mark.parametrize("name", PASSING)
async def test_permanent_fault_fails_when_retries_are_used_up(
    supplier: ScriptedSupplier, limiter: CountingLimiter, name: str
) -> None:
    fault, expected = PASSING[name]
    supplier.script.extend([fault] * 10)
    settings = account(supplier.endpoint, nivoda_timeout_seconds=0.3, nivoda_tries=2)
    async with NivodaClient.open(settings.nivoda, limiter) as client:
        with pytest.raises(SupplierError) as caught:
            await count(client)
    assert type(caught.value) is expected
    assert len(supplier.asked) == 2


async def test_unreachable_supplier_is_unavailable(limiter: CountingLimiter) -> None:
    async with scripted_supplier() as supplier:
        settings = account(supplier.endpoint, nivoda_tries=2)
    async with NivodaClient.open(settings.nivoda, limiter) as client:
        with pytest.raises(SupplierUnavailable, match="can't be reached"):
            await count(client)
    assert limiter.turns == 3, "one of them for the schema"


async def test_concurrent_calls_share_one_login(supplier: ScriptedSupplier, limiter: CountingLimiter) -> None:
    async with NivodaClient.open(account(supplier.endpoint).nivoda, limiter) as client:
        assert await asyncio.gather(*(count(client) for _ in range(20))) == [7] * 20
    assert supplier.logins == 1


async def test_early_expired_token_is_renewed_once_without_using_retry(
    supplier: ScriptedSupplier, limiter: CountingLimiter
) -> None:
    async with NivodaClient.open(account(supplier.endpoint, nivoda_tries=1).nivoda, limiter) as client:
        await count(client)
        supplier.valid.clear()
        assert await asyncio.gather(*(count(client) for _ in range(20))) == [7] * 20
    assert supplier.logins == 2


async def test_token_is_renewed_before_expiry_in_login(supplier: ScriptedSupplier, limiter: CountingLimiter) -> None:
    seconds = 0.0
    supplier.expires = 3600.0
    async with NivodaClient.open(account(supplier.endpoint).nivoda, limiter, monotonic=lambda: seconds) as client:
        await count(client)
        seconds = 3600 - 301
        await count(client)
        assert supplier.logins == 1
        seconds = 3600 - 300
        await count(client)
    assert supplier.logins == 2


async def test_token_is_renewed_before_it_expires(supplier: ScriptedSupplier, limiter: CountingLimiter) -> None:
    seconds = 0.0
    async with NivodaClient.open(account(supplier.endpoint).nivoda, limiter, monotonic=lambda: seconds) as client:
        await count(client)
        seconds = 6 * 3600 - 300
        await count(client)
    assert supplier.logins == 2


async def test_client_gives_up_when_no_token_is_accepted(supplier: ScriptedSupplier, limiter: CountingLimiter) -> None:
    supplier.script.extend([errors(EXPIRED)] * 20)
    async with NivodaClient.open(account(supplier.endpoint, nivoda_tries=3).nivoda, limiter) as client:
        with pytest.raises(SupplierTokenExpired):
            await count(client)
    assert len(supplier.asked) == 6
    assert supplier.logins == 6


async def test_http_401_counts_as_rejected_token(supplier: ScriptedSupplier, limiter: CountingLimiter) -> None:
    supplier.script.append(status(401))
    async with NivodaClient.open(account(supplier.endpoint, nivoda_tries=1).nivoda, limiter) as client:
        assert await count(client) == 7
    assert supplier.logins == 2


async def test_rejected_credentials_are_not_retried(supplier: ScriptedSupplier, limiter: CountingLimiter) -> None:
    async with NivodaClient.open(account(supplier.endpoint, nivoda_password="wrong").nivoda, limiter) as client:
        with pytest.raises(SupplierRefused, match="credentials"):
            await count(client)
    assert (supplier.logins, supplier.asked) == (1, [])


@pytest.mark.parametrize(
    "fault",
    [
        status(503),
        reset,
        errors("Internal error"),
        errors("Cannot read properties of undefined (reading 'password')"),
        refusal(400, "Internal error"),
        page_of_html(403),
        answer(b"{"),
    ],
)
async def test_transient_fault_at_login_is_retried(
    supplier: ScriptedSupplier, limiter: CountingLimiter, fault: Act
) -> None:
    supplier.login_script.extend([fault, fault])
    async with NivodaClient.open(account(supplier.endpoint).nivoda, limiter) as client:
        assert await count(client) == 7
    assert supplier.logins == 3


@pytest.mark.parametrize("code", [400, 404, 302])
async def test_wrong_endpoint_is_not_retried_and_redirect_not_followed(
    supplier: ScriptedSupplier, limiter: CountingLimiter, code: int
) -> None:
    supplier.login_script.append(status(code, Location=supplier.endpoint))
    async with NivodaClient.open(account(supplier.endpoint).nivoda, limiter) as client:
        with pytest.raises(SupplierRefused, match=f"HTTP {code}.*NIVODA_ENDPOINT"):
            await count(client)
    assert (supplier.logins, supplier.asked) == (1, [])


async def test_message_of_rejected_request_is_shown(supplier: ScriptedSupplier, limiter: CountingLimiter) -> None:
    supplier.script.append(refusal(400, "limit must be at most 50, token-1-of-many"))
    async with NivodaClient.open(account(supplier.endpoint).nivoda, limiter) as client:
        with pytest.raises(SupplierRefused, match="HTTP 400: limit must be at most 50, \\[hidden\\]"):
            await count(client)
    assert len(supplier.asked) == 1


@pytest.mark.parametrize("code", [302, 404, 405])
async def test_html_page_is_outage_once_endpoint_has_answered(
    supplier: ScriptedSupplier, limiter: CountingLimiter, code: int
) -> None:
    async with NivodaClient.open(account(supplier.endpoint, nivoda_tries=3).nivoda, limiter) as client:
        assert await count(client) == 7
        supplier.script.extend([page_of_html(code)] * 2)
        assert await count(client) == 7
        supplier.script.extend([page_of_html(code)] * 3)
        with pytest.raises(SupplierUnavailable, match=f"HTTP {code} with an HTML page"):
            await count(client)


@pytest.mark.parametrize(
    ("fault", "pause"),
    [
        (errors("Rate limit exceeded"), 0.001),
        (errors("Rate limit exceeded, try again in 30 seconds"), 30.0),
        (errors("Too many requests: wait 1 minute", {"as": None}), 60.0),
        (refusal(400, "Request was throttled", retryAfter=12), 12.0),
        (refusal(403, "API quota exceeded"), 0.001),
        (refusal(503, "Too many requests, try again in 5 seconds"), 5.0),
        (refusal(429, "Try again in 30 seconds"), 30.0),
        (errors("No", None), None),
    ],
)
async def test_rate_limit_in_errors_is_waited_out_like_429(
    supplier: ScriptedSupplier, limiter: CountingLimiter, fault: Act, pause: float | None
) -> None:
    supplier.script.extend([fault] * 2)
    async with NivodaClient.open(account(supplier.endpoint, nivoda_tries=1).nivoda, limiter) as client:
        if pause is None:
            with pytest.raises(SupplierError):
                await count(client)
        else:
            assert await count(client) == 7
    assert limiter.pauses == ([] if pause is None else [pause, pause if pause > 1 else 0.002])


async def test_rate_limit_in_login_errors_is_waited_out(supplier: ScriptedSupplier, limiter: CountingLimiter) -> None:
    supplier.login_script.append(errors("Too many login attempts, try again in 3 seconds"))
    async with NivodaClient.open(account(supplier.endpoint, nivoda_tries=1).nivoda, limiter) as client:
        assert await count(client) == 7
    assert limiter.pauses == [3.0]


@pytest.mark.parametrize(
    "fault",
    [
        errors("jwt malformed"),
        refusal(400, "Context creation failed: jwt expired", code="INTERNAL_SERVER_ERROR"),
        refusal(401, "No"),
        refusal(500, "Please log in", code="UNAUTHENTICATED"),
    ],
)
async def test_token_expiry_is_recognized_in_every_form(
    supplier: ScriptedSupplier, limiter: CountingLimiter, fault: Act
) -> None:
    supplier.script.append(fault)
    async with NivodaClient.open(account(supplier.endpoint, nivoda_tries=2).nivoda, limiter) as client:
        assert await count(client) == 7
    assert supplier.logins == 2


async def test_http_429_delays_all_callers_for_requested_time(
    supplier: ScriptedSupplier, limiter: CountingLimiter
) -> None:
    supplier.script.extend([status(429, **{"Retry-After": "3"})] * 4)
    async with NivodaClient.open(account(supplier.endpoint, nivoda_tries=1).nivoda, limiter) as client:
        assert await count(client) == 7
    assert limiter.pauses == [3.0] * 4


async def test_http_429_without_retry_after_doubles_pause_up_to_one_minute(
    supplier: ScriptedSupplier, limiter: CountingLimiter
) -> None:
    supplier.script.extend([status(429)] * 7)
    settings = account(supplier.endpoint, nivoda_backoff_seconds=2, nivoda_tries=1)
    async with NivodaClient.open(settings.nivoda, limiter) as client:
        assert await count(client) == 7
    assert limiter.pauses == [2, 4, 8, 16, 32, 60, 60]


async def test_http_429_at_login_is_waited_out(supplier: ScriptedSupplier, limiter: CountingLimiter) -> None:
    supplier.login_script.append(status(429, **{"Retry-After": "3"}))
    async with NivodaClient.open(account(supplier.endpoint, nivoda_tries=1).nivoda, limiter) as client:
        assert await count(client) == 7
    assert limiter.pauses == [3.0]


async def test_repeated_429_is_busy_after_patience(supplier: ScriptedSupplier) -> None:
    seconds = 0.0

    class PauseRecorder(CountingLimiter):
        async def pause(self, pause: float) -> None:
            nonlocal seconds
            seconds += pause
            await super().pause(pause)

    limiter = PauseRecorder()
    supplier.script.extend([status(429, **{"Retry-After": "40"})] * 50)
    async with NivodaClient.open(
        account(supplier.endpoint).nivoda, limiter, patience_seconds=100, monotonic=lambda: seconds
    ) as client:
        with pytest.raises(SupplierBusy) as caught:
            await count(client)
    assert caught.value.retry_after == 40
    assert limiter.pauses == [40, 40]


async def test_pause_is_at_most_patience(supplier: ScriptedSupplier, limiter: CountingLimiter) -> None:
    supplier.script.append(status(429, **{"Retry-After": "999999"}))
    async with NivodaClient.open(account(supplier.endpoint).nivoda, limiter, patience_seconds=100) as client:
        with pytest.raises(SupplierBusy):
            await count(client)
    assert limiter.pauses == [100]


async def test_blocked_limiter_is_busy_after_patience(supplier: ScriptedSupplier) -> None:
    class BlockedLimiter(CountingLimiter):
        async def acquire(self) -> None:
            await asyncio.Event().wait()

    async with NivodaClient.open(account(supplier.endpoint).nivoda, BlockedLimiter(), patience_seconds=0.05) as client:
        with pytest.raises(SupplierBusy):
            await count(client)
    assert (supplier.logins, supplier.asked) == (0, [])


async def test_endless_response_is_not_read_to_end(
    supplier: ScriptedSupplier, limiter: CountingLimiter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(responses, "_BYTE_LIMIT", 1_000)
    supplier.script.append(answer(b" " * 100_000))
    async with NivodaClient.open(account(supplier.endpoint, nivoda_tries=1).nivoda, limiter) as client:
        with pytest.raises(SupplierUnavailable, match="larger than 1000 bytes"):
            await count(client)


async def test_sequential_calls_share_connection(supplier: ScriptedSupplier, limiter: CountingLimiter) -> None:
    async with NivodaClient.open(account(supplier.endpoint).nivoda, limiter) as client:
        for _ in range(5):
            await count(client)
    assert len(supplier.connections) == 1


async def test_document_is_constant_and_values_are_variables(
    supplier: ScriptedSupplier, limiter: CountingLimiter
) -> None:
    async with NivodaClient.open(account(supplier.endpoint).nivoda, limiter) as client:
        await client.call(COUNT, {"query": {"dollar_value": {"from": 1}}})
        await client.call(COUNT, {"query": {"dollar_value": {"from": 2}}})
    first, second = supplier.asked
    assert first["query"] == second["query"] == COUNT.document
    assert first["variables"] == {"query": {"dollar_value": {"from": 1}}, "token": "token-1-of-many"}


async def test_secrets_are_not_in_logs_errors_or_reprs(
    supplier: ScriptedSupplier, limiter: CountingLimiter, monkeypatch: pytest.MonkeyPatch
) -> None:
    capture = structlog.testing.LogCapture()
    for module in (client_module, retries, supplier_schema):
        monkeypatch.setattr(module, "log", structlog.wrap_logger(None, processors=[capture]))
    seen: list[object] = []
    supplier.login_script.append(errors(f"trouble with {PASSWORD}"))
    supplier.script.extend([errors("trouble with token-2-of-many"), status(429), status(500), errors(EXPIRED), reset])
    supplier.script.extend([errors("lasting trouble with token-3-of-many")] * 5)
    async with NivodaClient.open(account(supplier.endpoint, nivoda_tries=7).nivoda, limiter) as client:
        with pytest.raises(SupplierError, match="lasting trouble") as caught:
            await count(client)
        seen += [repr(client), repr(vars(client)["_login"]), caught.value, caught.value.details, *capture.entries]
    assert supplier.logins == 3
    assert {entry["event"] for entry in capture.entries} == {
        "supplier_schema_not_introspected", "supplier_login", "supplier_busy", "supplier_call_failed",
    }  # fmt: skip
    text = " ".join(map(repr, seen))
    assert PASSWORD not in text
    assert "-of-many" not in text
    assert "[hidden]" in text
