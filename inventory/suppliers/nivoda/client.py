"""GraphQL client for Nivoda: connection pool, shared login, rate limit, timeout, schema negotiation and retries."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Self

import msgspec

from inventory.core.clock import utc_now
from inventory.core.errors import (
    OutcomeUnknown,
    SupplierBusy,
    SupplierSchemaChanged,
    SupplierTokenExpired,
    SupplierUnavailable,
    SupplierUnreached,
)
from inventory.core.logging import get_logger
from inventory.core.settings.nivoda import NivodaSettings
from inventory.core.telemetry import state
from inventory.suppliers.nivoda.documents import AUTHENTICATE, Answer, SupplierOperation
from inventory.suppliers.nivoda.errors import RequestRejected
from inventory.suppliers.nivoda.http_session import HttpSession
from inventory.suppliers.nivoda.introspection import INTROSPECT
from inventory.suppliers.nivoda.login import SharedLogin, Token, lifetime_seconds
from inventory.suppliers.nivoda.responses import read, read_sent
from inventory.suppliers.nivoda.retries import MAX_WAIT_SECONDS, retrying
from inventory.suppliers.nivoda.schema_view import SchemaView
from inventory.suppliers.nivoda.supplier_schema import SupplierSchema
from inventory.suppliers.ports import RateLimiter

log = get_logger()

PATIENCE_SECONDS = 900.0
_REJECTION_LIMIT = 25  # per call; each rejection names another missing member of the schema

Variables = Mapping[str, object] | Callable[[SchemaView], Mapping[str, object]]

_encode = msgspec.json.Encoder().encode


class NivodaClient:
    """Sends operations and decodes their answers. Safe for concurrent calls."""

    def __init__(
        self,
        settings: NivodaSettings,
        limiter: RateLimiter,
        session: HttpSession,
        *,
        patience_seconds: float = PATIENCE_SECONDS,
        waits_for_schema: bool = True,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Use `open`, which creates the session."""
        self._credentials = {
            "username": settings.need("username"),
            "password": settings.need("password"),
        }
        self._settings = settings
        self._limiter = limiter
        self._session = session
        self._patience_seconds = patience_seconds
        self._monotonic = monotonic
        self._login = SharedLogin(self._authenticate, monotonic)
        self.schema = SupplierSchema(self._introspect, monotonic, waits=waits_for_schema)
        self._established = False  # whether the endpoint has returned a valid answer before

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        settings: NivodaSettings,
        limiter: RateLimiter,
        *,
        patience_seconds: float = PATIENCE_SECONDS,
        timeout_seconds: float | None = None,
        fresh_connections: bool = False,
        waits_for_schema: bool = True,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> AsyncIterator[Self]:
        """Open a client for a `with` block. It connects and logs in on first use.

        `patience_seconds`: longest delay of a call by the supplier's rate limit. `timeout_seconds`: longest wait for an answer;
        None uses the setting. `fresh_connections`: open a connection for each call. The supplier may close a kept connection
        while a request is sent, and the outcome of the request is then unknown. `waits_for_schema`: the first call waits for
        the introspection of the schema; otherwise the published types apply until then.
        """
        session = HttpSession(
            settings.need("endpoint"),
            timeout_seconds=timeout_seconds or settings.timeout_seconds,
            fresh_connections=fresh_connections,
        )
        client = cls(
            settings,
            limiter,
            session,
            patience_seconds=patience_seconds,
            waits_for_schema=waits_for_schema,
            monotonic=monotonic,
        )
        try:
            yield client
        finally:
            await client.schema.close()
            await client._login.close()
            await session.close()

    @property
    def limits(self) -> Mapping[str, str]:
        """Rate limit headers of the supplier, by name."""
        return self._session.limits

    async def call(
        self, operation: SupplierOperation[Answer], variables: Variables, *, patience_seconds: float | None = None
    ) -> Answer:
        """Execute an idempotent operation inside `as(token)`, with retries.

        `variables`: the values, or a function that builds them for a view of the schema. `patience_seconds`: overrides the
        client's.

        Raises:
            SupplierSchemaChanged: the supplier's schema lacks a required member. Not retried.
            SupplierRefused: the supplier rejects the credentials or the request. Not retried.
            SupplierBusy: the supplier's rate limit delays the call for longer than `patience_seconds`.
            SupplierTokenExpired: the supplier rejects new tokens, too.
            SupplierError: all attempts failed; the error of the last one.
        """
        deadline = self._monotonic() + (patience_seconds or self._patience_seconds)
        return await retrying(self._settings, operation.name)(self._try, operation, variables, deadline)

    async def account(self, operation: SupplierOperation[Answer], *, patience_seconds: float | None = None) -> Answer:
        """Log in with a document that selects the account's data. The token of other calls is not changed.

        Raises:
            SupplierRefused: the supplier rejects the credentials. Not retried.
            SupplierError: as `call`.
        """
        deadline = self._monotonic() + (patience_seconds or self._patience_seconds)
        secrets = (self._credentials["password"],)
        return await retrying(self._settings, operation.name)(
            self._negotiate, operation, lambda _: self._credentials, deadline, secrets
        )

    async def send(self, operation: SupplierOperation[Answer], variables: Variables, deadline: float) -> Answer:
        """Execute an operation that is not idempotent inside `as(token)`, without retries.

        The login and the wait for the rate limiter precede it. They end by `deadline` (monotonic seconds), and the login may be
        retried. `variables`: as of `call`.

        Raises:
            OutcomeUnknown: the operation was sent, and its outcome is unknown.
            RequestRejected: the schema does not allow the document, and nothing was executed. Another document is available.
            SupplierBusy, SupplierTokenExpired: the supplier reports that nothing was executed.
            SupplierSchemaChanged: the schema does not allow the operation. Nothing was executed.
            SupplierDeclined: the supplier declined the operation.
            SupplierError: the operation was not sent, or the request was rejected.
        """
        token = await self._token_by(deadline)
        await self._acquire_slot(deadline)
        if self._monotonic() > deadline:  # the process was suspended, and others may have taken over its work
            raise SupplierBusy(None)
        view = await self.schema.view()
        used = self.schema.negotiated(operation, view)
        try:
            values = variables(view) if callable(variables) else variables
            response = await self._session.post(operation.name, _encode(used.request({**values, "token": token})))
        except SupplierUnreached:
            raise
        except SupplierUnavailable as error:
            log.warning("supplier_outcome_unknown", operation=operation.name, error=str(error))
            raise OutcomeUnknown from error
        try:
            return read_sent(operation, response, secrets=(token,))
        except SupplierBusy as busy:
            pause = busy.retry_after or self._settings.backoff_seconds
            log.warning("supplier_busy", operation=operation.name, asked_seconds=busy.retry_after, error=busy.message)
            await self._limiter.pause(min(pause, self._patience_seconds))
            raise
        except SupplierTokenExpired:
            self._login.refuse(token)
            raise
        except RequestRejected as rejected:
            if self.schema.learn(rejected.entries, used.document) or self.schema.present() is not view:
                raise
            raise SupplierSchemaChanged(rejected.message) from rejected
        except OutcomeUnknown as error:
            log.warning("supplier_outcome_unknown", operation=operation.name, error=str(error.__cause__ or error))
            raise

    async def log_in(self) -> float | None:
        """Log in unless a token is valid. Returns the token's lifetime in seconds; None if the supplier does not name it.

        Raises:
            SupplierError: as `call`.
        """
        await retrying(self._settings, AUTHENTICATE.name)(self._login.token)
        return self._login.life_seconds

    async def _token_by(self, deadline: float) -> str:
        try:
            async with asyncio.timeout(max(0.0, deadline - self._monotonic())):
                return await retrying(self._settings, AUTHENTICATE.name)(self._login.token)
        except TimeoutError:
            raise SupplierUnreached("The supplier's login takes too long") from None

    async def _try(self, operation: SupplierOperation[Answer], variables: Variables, deadline: float) -> Answer:
        try:
            return await self._with_token(operation, variables, deadline)
        except SupplierTokenExpired:
            # A token may expire early: repeat at once with a new one. If that is rejected too, the attempt has failed.
            return await self._with_token(operation, variables, deadline)

    async def _with_token(self, operation: SupplierOperation[Answer], variables: Variables, deadline: float) -> Answer:
        token = await self._login.token()

        def values(view: SchemaView) -> Mapping[str, object]:
            return {**(variables(view) if callable(variables) else variables), "token": token}

        try:
            return await self._negotiate(operation, values, deadline, secrets=(token,))
        except SupplierTokenExpired:
            self._login.refuse(token)
            raise

    async def _authenticate(self) -> Token:
        deadline = self._monotonic() + self._patience_seconds
        secrets = (self._credentials["password"],)
        answer = await self._negotiate(AUTHENTICATE, lambda _: self._credentials, deadline, secrets=secrets)
        session = answer.authenticate.username_and_password
        seconds = lifetime_seconds(session.expires, utc_now())
        log.info("supplier_login", token_seconds=seconds)
        return Token(session.token, seconds)

    async def _introspect(self) -> SchemaView:
        deadline = self._monotonic() + self._patience_seconds
        answer = await self._exchange(INTROSPECT, {"query": INTROSPECT.document}, deadline, secrets=())
        return answer.view()

    async def _negotiate(
        self,
        operation: SupplierOperation[Answer],
        variables: Callable[[SchemaView], Mapping[str, object]],
        deadline: float,
        secrets: Collection[str],
    ) -> Answer:
        """Execute an operation with a document that the supplier's schema allows. A rejection negotiates another document."""
        for _ in range(_REJECTION_LIMIT):
            view = await self.schema.view()
            used = self.schema.negotiated(operation, view)
            try:
                return await self._exchange(operation, used.request(variables(view)), deadline, secrets)
            except RequestRejected as rejected:
                if not await self.schema.renegotiate(operation, view, used, rejected.entries):
                    raise
        raise SupplierSchemaChanged("The supplier keeps rejecting the request for other reasons")

    async def _exchange(
        self,
        operation: SupplierOperation[Answer],
        request: Mapping[str, object],
        deadline: float,
        secrets: Collection[str],
    ) -> Answer:
        """Send a request and read its answer. After a rate limit error (429 or in `errors[]`) wait and repeat by `deadline`."""
        body = _encode(request)
        wait = self._settings.backoff_seconds
        while True:
            await self._acquire_slot(deadline)
            response = await self._session.post(operation.name, body)
            try:
                answer = read(operation, response, secrets, established=self._established)
            except SupplierBusy as busy:
                pause = busy.retry_after or wait
                wait = min(wait * 2, MAX_WAIT_SECONDS)
                log.warning(
                    "supplier_busy",
                    operation=operation.name,
                    asked_seconds=busy.retry_after,
                    pause_seconds=pause,
                    error=busy.message,
                )
                # The pause applies to all processes, even if this call cannot wait for its end.
                await self._limiter.pause(min(pause, self._patience_seconds))
                if self._monotonic() + pause > deadline:
                    raise
            else:
                self._established = True
                return answer

    async def _acquire_slot(self, deadline: float) -> None:
        began = self._monotonic()
        try:
            async with asyncio.timeout(max(0.0, deadline - began)):
                await self._limiter.acquire()
        except TimeoutError:
            raise SupplierBusy(None) from None
        finally:
            if state.metrics is not None:
                state.metrics.supplier_wait(self._monotonic() - began)
