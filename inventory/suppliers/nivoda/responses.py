"""Reader of Nivoda's responses: a bounded body, decoded to a typed answer or an error."""

from collections.abc import Collection
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from inventory.core.clock import utc_now
from inventory.core.errors import OutcomeUnknown, SupplierBusy, SupplierTokenExpired, SupplierUnavailable
from inventory.suppliers.nivoda import errors as faults
from inventory.suppliers.nivoda.absences import is_rejection
from inventory.suppliers.nivoda.documents import Answer, SupplierOperation
from inventory.suppliers.nivoda.error_entries import ErrorEntry, entries_of, summary
from inventory.suppliers.nivoda.errors import AnswerTooLarge, ItemsLost, RequestRejected
from inventory.suppliers.nivoda.lenient_json import salvage
from inventory.suppliers.nivoda.throttling import is_throttled, wait_seconds

if TYPE_CHECKING:
    import aiohttp

_BYTE_LIMIT = 16 * 1024 * 1024  # of an answer; a page has about 130 kB
_ERROR_BYTE_LIMIT = 64 * 1024  # of a body with another status than 200
_CHUNK_BYTES = 64 * 1024
_NOT_JSON = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class _Envelope(msgspec.Struct):
    errors: Any = None
    data: msgspec.Raw = msgspec.Raw(b"null")


_envelope = msgspec.json.Decoder(_Envelope)


class Response(NamedTuple):
    """An HTTP response. The body is truncated if the status is not 200."""

    status: int
    retry_after: str | None
    body: bytes


async def received(response: "aiohttp.ClientResponse") -> Response:
    """Read the body of a response up to its limit.

    Raises:
        AnswerTooLarge: an answer with status 200 exceeds the limit.
    """
    expected = response.status == HTTPStatus.OK
    most = _BYTE_LIMIT if expected else _ERROR_BYTE_LIMIT
    body = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
        body += chunk
        if len(body) > most:
            if expected:
                raise AnswerTooLarge(f"The supplier's answer is larger than {most} bytes")
            break
    return Response(response.status, response.headers.get("Retry-After"), bytes(body[:most]))


def read(
    operation: SupplierOperation[Answer], response: Response, secrets: Collection[str], *, established: bool
) -> Answer:
    """Decode the answer to an idempotent request. `secrets`: redacted in errors; `established`: as of `errors.of_status`.

    Raises:
        SupplierBusy: rate limit error, by status 429 or in `errors[]`.
        RequestRejected: the supplier's schema does not allow the request.
        ItemsLost: the page is missing because of some of its items.
        SupplierError: the error of the response, or `SupplierUnavailable` for an unreadable one.
    """
    logging_in = operation.logs_in
    if response.status != HTTPStatus.OK:
        entries = errors_of(response)
        _refuse_throttled(response, entries, secrets)
        _refuse_rejected(entries, secrets)
        raise faults.of_status(
            response.status, entries, response.body, logging_in=logging_in, established=established, secrets=secrets
        )
    try:
        envelope = _open(response.body)
    except (*_NOT_JSON, ValueError) as error:
        raise faults.of_unreadable(response.status, response.body, secrets) from error
    entries = entries_of(envelope.errors)
    partial = [entry for entry in entries if operation.concerns_a_part(entry)]
    if entries:
        _refuse_throttled(response, entries, secrets)
        _refuse_rejected(entries, secrets)
        said = faults.of_entries(entries, logging_in=logging_in, secrets=secrets)
        if len(partial) < len(entries) or isinstance(said, SupplierTokenExpired):
            raise said
    try:
        return operation.read(envelope.data, partial)
    except (*_NOT_JSON, ValueError) as error:
        if partial and all(map(faults.is_outage, partial)):
            raise faults.of_entries(partial, logging_in=False, secrets=secrets) from error
        if partial:
            raise ItemsLost(partial, secrets) from error
        raise SupplierUnavailable("The supplier's answer can't be read: its data has another shape") from error


def read_sent(operation: SupplierOperation[Answer], response: Response, secrets: Collection[str]) -> Answer:
    """Decode the answer to a request that is not idempotent. Data that confirms the execution has precedence over errors.

    Raises:
        RequestRejected: all errors report that the supplier's schema does not allow the request.
        OutcomeUnknown: the response does not determine the outcome.
        SupplierError: nothing was executed.
    """
    if response.status != HTTPStatus.OK:
        entries = errors_of(response)
        _refuse_throttled(response, entries, secrets, every=True)
        if entries and response.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            _refuse_rejected(entries, secrets, every=True)
            raise faults.of_sent(entries, secrets=secrets)
        error = faults.of_status(
            response.status, (), response.body, logging_in=False, established=False, secrets=secrets
        )
        # 202 and 303 indicate an execution.
        if _may_be_done(response.status):
            raise OutcomeUnknown from error
        raise error
    try:
        envelope = _envelope.decode(response.body)
    except _NOT_JSON as error:
        raise OutcomeUnknown from error
    try:
        return operation.read(envelope.data)
    except (*_NOT_JSON, ValueError) as error:
        entries = entries_of(envelope.errors)
        if entries:
            _refuse_throttled(response, entries, secrets, every=True)
            _refuse_rejected(entries, secrets, every=True)
            said = faults.of_entries(entries, logging_in=False, secrets=secrets)
            raise faults.of_sent(entries, secrets=secrets) from said
        raise OutcomeUnknown from error


def _may_be_done(status: int) -> bool:
    return (
        status < HTTPStatus.BAD_REQUEST
        or status >= HTTPStatus.INTERNAL_SERVER_ERROR
        or status == HTTPStatus.REQUEST_TIMEOUT
    )


def _refuse_throttled(
    response: Response, entries: Collection[ErrorEntry], secrets: Collection[str], *, every: bool = False
) -> None:
    """Raise `SupplierBusy` for a rate limit error. `every`: only if all errors are rate limit errors."""
    limited = [entry for entry in entries if is_throttled([entry])]
    if response.status != HTTPStatus.TOO_MANY_REQUESTS and not (
        limited and (not every or len(limited) == len(entries))
    ):
        return
    said = summary(limited, secrets) if limited else "HTTP 429"
    wait = wait_seconds(limited, response.retry_after, utc_now())
    raise SupplierBusy(wait, f"The supplier asks for fewer requests: {said}")


def errors_of(response: Response) -> list[ErrorEntry]:
    """Read the `errors[]` of a response; none if it is not a GraphQL answer."""
    try:
        return entries_of(_envelope.decode(response.body).errors)
    except _NOT_JSON:
        return []


def _refuse_rejected(entries: Collection[ErrorEntry], secrets: Collection[str], *, every: bool = False) -> None:
    """Raise `RequestRejected` if an error reports that the schema does not allow the request.

    `every`: only if all errors report it.
    """
    rejections = [entry for entry in entries if is_rejection(entry)]
    if rejections and (not every or len(rejections) == len(entries)):
        raise RequestRejected(rejections, secrets)


def _open(body: bytes) -> _Envelope:
    try:
        return _envelope.decode(body)
    except _NOT_JSON:
        return _envelope.decode(salvage(body))
