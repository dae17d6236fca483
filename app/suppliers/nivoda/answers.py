"""What comes back from Nivoda: a bounded body, and the answer or the error in it."""

from collections.abc import Collection
from http import HTTPStatus
from typing import Any, NamedTuple

import aiohttp
import msgspec

from app.core.errors import OutcomeUnknown, SupplierUnavailable
from app.suppliers.nivoda import faults
from app.suppliers.nivoda.damage import salvage
from app.suppliers.nivoda.documents import AUTHENTICATE, Answer, Operation

_MOST_BYTES = 16 * 1024 * 1024  # of a body; a page has about 130 kB
_CHUNK_BYTES = 64 * 1024
_NOT_JSON = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class _Envelope(msgspec.Struct):
    errors: Any = None
    data: msgspec.Raw = msgspec.Raw(b"null")


_envelope = msgspec.json.Decoder(_Envelope)


class Response(NamedTuple):
    """What HTTP brought. The body is empty where the status is not 200."""

    status: int
    retry_after: str | None
    body: bytes


async def bounded(response: aiohttp.ClientResponse) -> bytes:
    """The whole body.

    Raises:
        SupplierUnavailable: it is too large to be an answer.
    """
    body = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
        body += chunk
        if len(body) > _MOST_BYTES:
            raise SupplierUnavailable(f"The supplier's answer is larger than {_MOST_BYTES} bytes")
    return bytes(body)


def read(operation: Operation[Answer], response: Response, secrets: Collection[str]) -> Answer:
    """The answer to what may be asked again. `secrets` show in no error.

    Raises:
        SupplierError: the one that it holds, or `SupplierUnavailable` where it can't be read.
    """
    logging_in = operation.name == AUTHENTICATE.name
    if response.status != HTTPStatus.OK:
        raise faults.of_status(response.status, logging_in=logging_in)
    try:
        envelope = _open(response.body)
        if envelope.errors:
            raise faults.of_errors(envelope.errors, logging_in=logging_in, secrets=secrets)
        return operation.read(envelope.data)
    except (*_NOT_JSON, ValueError) as error:
        raise SupplierUnavailable("The supplier's answer can't be read") from error


def read_sent(operation: Operation[Answer], response: Response, secrets: Collection[str]) -> Answer:
    """What was done, if the answer has it, whatever errors stand beside it. Nothing is guessed from half an answer.

    Raises:
        OutcomeUnknown: it does not say whether it was done.
        SupplierError: it was not done.
    """
    if response.status != HTTPStatus.OK:
        error = faults.of_status(response.status, logging_in=False)
        # 202 and 303 speak of something done, or about to be.
        if isinstance(error, SupplierUnavailable) or response.status < HTTPStatus.BAD_REQUEST:
            raise OutcomeUnknown from error
        raise error
    try:
        envelope = _envelope.decode(response.body)
    except _NOT_JSON as error:
        raise OutcomeUnknown from error
    try:
        return operation.read(envelope.data)
    except (*_NOT_JSON, ValueError) as error:
        if envelope.errors:
            said = faults.of_errors(envelope.errors, logging_in=False, secrets=secrets)
            raise faults.of_sent(envelope.errors, secrets=secrets) from said
        raise OutcomeUnknown from error


def _open(body: bytes) -> _Envelope:
    try:
        return _envelope.decode(body)
    except _NOT_JSON:
        return _envelope.decode(salvage(body))
