"""Mails through Resend's client, with a service on a local port."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiohttp import web

from inventory.core.errors import AlertRefused, MailUnavailable
from inventory.core.settings import Settings
from sync.alerts import resend as adapter
from sync.alerts.resend import open_mailer
from sync.ports import Mail, Mailer
from tests.contract.resend import MailService, mail_service, refusal

KEY = "re_very_secret"
MAIL = Mail(subject="A run failed", text="Because.", html="<p>Because.</p>")


@pytest_asyncio.fixture
async def service() -> AsyncIterator[MailService]:
    async with mail_service() as running:
        yield running


def settings(url: str, **changes: str) -> Settings:
    given = {
        "resend_api_key": KEY,
        "resend_api_url": url,
        "alert_from": "Inventory <sync@example.com>",
        "alert_to": "one@example.com, two@example.com",
    }
    return Settings.read(**(given | changes))


@pytest_asyncio.fixture
async def mailer(service: MailService) -> AsyncIterator[Mailer]:
    async with open_mailer(settings(service.url).alerts) as opened:
        assert opened is not None
        yield opened


async def test_mail_is_sent_to_every_recipient_in_both_bodies_with_key(mailer: Mailer, service: MailService) -> None:
    assert await mailer.send(MAIL, "run_failed/1") == "mail-1"
    headers, body = service.requests[0]
    assert headers["Authorization"] == f"Bearer {KEY}"
    assert headers["Idempotency-Key"] == "run_failed/1"
    assert body == {
        "from": "Inventory <sync@example.com>",
        "to": ["one@example.com", "two@example.com"],
        "subject": "A run failed",
        "text": "Because.",
        "html": "<p>Because.</p>",
    }


async def test_repeated_mail_is_sent_once(mailer: Mailer, service: MailService) -> None:
    assert await mailer.send(MAIL, "run_failed/1") == await mailer.send(MAIL, "run_failed/1")
    assert len(service.sent) == 1


@pytest.mark.parametrize(
    "answer",
    [
        refusal(429, "rate_limit_exceeded", "Too many requests"),
        refusal(409, "concurrent_idempotent_requests", "Another request is in progress"),
        refusal(500, "application_error", "An unexpected error occurred"),
        web.Response(status=503, text="<html>Bad gateway</html>", content_type="text/html"),
        web.Response(status=200, text="not json", content_type="text/plain"),
        web.json_response({}),
    ],
    ids=["busy", "concurrent", "broken", "gateway", "odd", "without an id"],
)
async def test_transient_error_is_retryable(mailer: Mailer, service: MailService, answer: web.Response) -> None:
    service.answers = [answer]
    with pytest.raises(MailUnavailable) as raised:
        await mailer.send(MAIL, "run_failed/1")
    assert raised.value.retryable


@pytest.mark.parametrize(
    "answer",
    [
        refusal(401, "missing_api_key", "Missing API key"),
        refusal(403, "invalid_api_key", "API key is invalid"),
        refusal(422, "validation_error", "The from field is invalid"),
    ],
    ids=["no key", "wrong key", "wrong sender"],
)
async def test_permanent_error_is_distinguished(mailer: Mailer, service: MailService, answer: web.Response) -> None:
    service.answers = [answer]
    with pytest.raises(AlertRefused, match=r"Resend: 4\d\d"):
        await mailer.send(MAIL, "run_failed/1")


async def test_unavailable_service_is_outage_and_key_is_not_logged() -> None:
    async with open_mailer(settings("http://127.0.0.1:9").alerts) as mailer:
        assert mailer is not None
        with pytest.raises(MailUnavailable) as raised:
            await mailer.send(MAIL, "run_failed/1")
    assert KEY not in raised.value.message


async def test_silent_service_times_out(monkeypatch: pytest.MonkeyPatch, service: MailService) -> None:
    monkeypatch.setattr(adapter, "_TIMEOUT_SECONDS", 0.2)
    service.silent = True
    async with open_mailer(settings(service.url).alerts) as mailer:
        assert mailer is not None
        with pytest.raises(MailUnavailable, match="TimeoutError"):
            await mailer.send(MAIL, "run_failed/1")


@pytest.mark.parametrize("missing", ["resend_api_key", "alert_from", "alert_to"])
async def test_mailer_requires_key_sender_and_recipients(missing: str) -> None:
    async with open_mailer(settings("http://127.0.0.1:9", **{missing: ""}).alerts) as mailer:
        assert mailer is None
