"""Management node (`$management`) of a queue: renew locks, schedule, cancel, peek, receive deferred, settle."""

from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

from sandbox.broker import envelope
from sandbox.broker.envelope import Envelope, Request, milliseconds
from sandbox.broker.errors import BrokerError, DecodeError, NotImplementedByBroker
from sandbox.broker.message import Message
from sandbox.broker.queue import Queue
from sandbox.broker.values import Array, Int, Symbol

_OK: Final = 200
_NO_CONTENT: Final = 204
_SETTLED_ON_DELIVERY: Final = 0  # receiver settle mode "first": receive and delete
_MAX_PEEKED: Final = 250
_MAX_PEEKED_BYTES: Final = 1_000_000


class Management:
    """Management requests of one queue or dead-letter queue."""

    def __init__(self, queue: Queue[Envelope]) -> None:
        self._queue = queue
        self._operations: dict[str, Callable[[dict[str, Any]], Any]] = {
            "com.microsoft:renew-lock": self._renew_locks,
            "com.microsoft:schedule-message": self._schedule,
            "com.microsoft:cancel-scheduled-message": self._cancel,
            "com.microsoft:peek-message": self._peek,
            "com.microsoft:receive-by-sequence-number": self._receive_deferred,
            "com.microsoft:update-disposition": self._settle,
        }

    def answer(self, data: bytes) -> bytes:
        """Perform a request and encode its reply. An error is a reply too.

        Raises:
            DecodeError: the data is not a request.
        """
        request = envelope.read_request(data)
        try:
            value = self._perform(request)
        except BrokerError as error:
            return _reply(request, error.status, error.message, condition=error.condition)
        if value is None:
            return _reply(request, _NO_CONTENT, "No content")
        return _reply(request, _OK, "OK", value)

    def _perform(self, request: Request) -> Any:
        name = request.application_properties.get("operation")
        operation = self._operations.get(str(name))
        if operation is None:
            raise NotImplementedByBroker(f"operation {name!r} is not supported")
        try:
            return operation(request.value)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise DecodeError(f"the body of {name} is malformed: {error!r}") from error

    def _renew_locks(self, body: dict[str, Any]) -> dict[str, Any]:
        ends = [self._queue.renew(token) for token in _tokens(body)]
        return {"expirations": Array(map(milliseconds, ends))}

    def _schedule(self, body: dict[str, Any]) -> dict[str, Any]:
        envelopes = [envelope.read(entry["message"]) for entry in body["messages"]]
        self._queue.check_room(len(envelopes))
        numbers = [self._queue.send(each, ttl=each.ttl, scheduled_for=each.scheduled_for) for each in envelopes]
        return {"sequence-numbers": Array(numbers)}

    def _cancel(self, body: dict[str, Any]) -> dict[str, Any]:
        self._queue.cancel(body["sequence-numbers"])
        return {}

    def _peek(self, body: dict[str, Any]) -> dict[str, Any] | None:
        count = min(body["message-count"], _MAX_PEEKED)
        entries: list[dict[str, Any]] = []
        size = 0
        for message in self._queue.peek(body["from-sequence-number"], count):
            entries.append({"message": envelope.write(message)})
            size += len(entries[-1]["message"])
            if size > _MAX_PEEKED_BYTES:
                break
        return {"messages": entries} if entries else None

    def _receive_deferred(self, body: dict[str, Any]) -> dict[str, Any]:
        messages = self._queue.acquire_deferred(body["sequence-numbers"])
        entries = [_entry(message) for message in messages]
        if body["receiver-settle-mode"] == _SETTLED_ON_DELIVERY:
            for message in messages:
                if message.lock is not None:
                    self._queue.complete(message.lock)
        return {"messages": entries}

    def _settle(self, body: dict[str, Any]) -> dict[str, Any]:
        for token in _tokens(body):
            match body["disposition-status"]:
                case "completed":
                    self._queue.complete(token)
                case "abandoned":
                    self._queue.abandon(token)
                case "defered":  # spelling of Service Bus
                    self._queue.defer(token)
                case "suspended":
                    self._queue.dead_letter(token, body.get("deadletter-reason"), body.get("deadletter-description"))
                case other:
                    raise NotImplementedByBroker(f"disposition {other!r} is not supported")
        return {}


def _tokens(body: dict[str, Any]) -> list[UUID]:
    tokens = list(body["lock-tokens"])
    if not all(isinstance(token, UUID) for token in tokens):
        raise DecodeError("lock tokens are UUIDs")
    return tokens


def _entry(message: Message[Envelope]) -> dict[str, Any]:
    return {"message": envelope.write(message), "lock-token": message.lock}


def _reply(
    request: Request, status: int, description: str, value: Any = None, *, condition: str | None = None
) -> bytes:
    properties: dict[str, Any] = {"statusCode": Int(status), "statusDescription": description}
    if condition is not None:
        properties["errorCondition"] = Symbol(condition)
    return envelope.write_reply(request, properties, value)
