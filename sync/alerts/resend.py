"""Mailer through Resend: its client on the HTTP stack of the application."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import resend
from resend.exceptions import ResendError

from inventory.core.errors import AlertRefused, MailUnavailable
from inventory.core.settings.alerts import AlertSettings
from sync.ports import Mail

_TIMEOUT_SECONDS = 15.0
_CONFLICT, _TOO_MANY, _SERVER_ERROR = 409, 429, 500


class _Transport(resend.AsyncHTTPClient):
    """Requests of the Resend client, each with a timeout. An error is reported without the content of the mail."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        json: dict[str, object] | list[object] | None = None,
        files: dict[str, Any] | None = None,
        data: dict[str, str] | None = None,
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """Send a request. No mail has attachments."""
        del files, data
        try:
            async with self._session.request(method, url, headers=headers, json=json) as response:
                return await response.read(), response.status, response.headers
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            # The client forwards the text of errors, and some texts quote the headers.
            raise RuntimeError(type(error).__name__) from None


class ResendMailer:
    """Sends to the recipients of the settings."""

    def __init__(self, sender: str, recipients: list[str]) -> None:
        self._sender = sender
        self._recipients = recipients

    async def send(self, mail: Mail, key: str) -> str:
        """Send a mail once per `key`; see `sync.ports.Mailer`."""
        try:
            answer = await resend.Emails.send_async(
                {
                    "from": self._sender,
                    "to": self._recipients,
                    "subject": mail.subject,
                    "text": mail.text,
                    "html": mail.html,
                },
                {"idempotency_key": key},
            )
            return str(answer["id"])
        except ResendError as error:
            reason = f"Resend: {error.code} {error.error_type}: {error.message}"
            code = int(error.code) if str(error.code).isdecimal() else _SERVER_ERROR
            # 409: another process is sending the same mail.
            if code >= _SERVER_ERROR or code in (_CONFLICT, _TOO_MANY):
                raise MailUnavailable(reason) from None
            raise AlertRefused(reason) from None
        except (KeyError, TypeError):
            raise MailUnavailable("Resend: the answer has no id") from None


@asynccontextmanager
async def open_mailer(settings: AlertSettings) -> AsyncIterator[ResendMailer | None]:
    """Open the mailer until the `with` ends. None if the API key, the sender or the recipients are not set."""
    recipients = [address.strip() for address in (settings.alert_to or "").split(",") if address.strip()]
    if not (settings.resend_api_key and settings.alert_from and recipients):
        yield None
        return
    timeout = aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        # The client supports one account per process, as module attributes.
        resend.api_key = settings.resend_api_key.get_secret_value()
        resend.api_url = settings.resend_api_url.rstrip("/")
        resend.default_async_http_client = _Transport(session)
        try:
            yield ResendMailer(settings.alert_from, recipients)
        finally:
            resend.api_key = None
            resend.default_async_http_client = None
