"""HTTP session of the supplier client: connection pool, timeout, and the errors of a connection."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from inventory.core.errors import SupplierTimeout, SupplierUnavailable, SupplierUnreached
from inventory.core.lean_imports import lazy_module
from inventory.core.telemetry import state
from inventory.core.telemetry.spans import span
from inventory.suppliers.nivoda.responses import Response, received
from inventory.suppliers.nivoda.throttling import limits_in

if TYPE_CHECKING:
    import aiohttp
else:
    aiohttp = lazy_module("aiohttp")

_CONNECTIONS = 50
_TOO_MANY = 429
_IDLE_SECONDS = 30.0


class HttpSession:
    """Connections to one URL. The first request opens the pool: a process that sends none does not import aiohttp."""

    def __init__(self, url: str, *, timeout_seconds: float, fresh_connections: bool) -> None:
        """`timeout_seconds`: of one request. `fresh_connections`: open a connection for each request."""
        self._url = url
        self._timeout_seconds = timeout_seconds
        self._fresh_connections = fresh_connections
        self._session: aiohttp.ClientSession | None = None
        self.limits: dict[str, str] = {}
        """Rate limit headers of the supplier, by name."""

    async def post(self, operation: str, body: bytes) -> Response:
        """Send a JSON body. `operation`: the name of the document, for traces.

        Raises:
            SupplierTimeout: there was no complete answer in time.
            SupplierUnreached: no connection was made, so nothing was sent.
            SupplierUnavailable: the connection was lost.
        """
        if state.tracer is None:
            return await self._post(body)
        with span(f"supplier {operation}", "client", {"graphql.operation.name": operation}) as current:
            response = await self._post(body)
            if current is not None:
                current.set_attribute("http.response.status_code", response.status)
            return response

    async def _post(self, body: bytes) -> Response:
        if self._session is None:
            self._session = self._open()
        began, outcome = time.monotonic(), "unreached"
        try:
            # A redirect would send the credentials to another server.
            async with self._session.post(self._url, data=body, allow_redirects=False) as response:
                self.limits |= limits_in(response.headers)
                outcome = "429" if response.status == _TOO_MANY else f"{response.status // 100}xx"
                return await received(response)
        except TimeoutError as error:
            outcome = "timeout"
            raise SupplierTimeout from error
        except aiohttp.ClientConnectorError as error:
            raise SupplierUnreached(f"The supplier can't be reached ({type(error).__name__})") from error
        except (aiohttp.ClientError, OSError) as error:
            raise SupplierUnavailable(f"The supplier can't be reached ({type(error).__name__})") from error
        finally:
            if state.metrics is not None:
                state.metrics.supplier_call(outcome, time.monotonic() - began)

    async def close(self) -> None:
        """Close the pool."""
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._fresh_connections:
            connector = aiohttp.TCPConnector(limit=_CONNECTIONS, force_close=True)
        else:
            connector = aiohttp.TCPConnector(limit=_CONNECTIONS, keepalive_timeout=_IDLE_SECONDS)
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Content-Type": "application/json", "Accept": "application/json"},
            timeout=aiohttp.ClientTimeout(total=self._timeout_seconds),
        )
