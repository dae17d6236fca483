"""Broker errors with their AMQP error conditions, which clients map to exceptions."""

from inspect import cleandoc
from typing import ClassVar


class BrokerError(Exception):
    """The broker failed."""

    condition: ClassVar[str] = "amqp:internal-error"
    status: ClassVar[int] = 500  # status code of a management reply

    def __init__(self, message: str | None = None) -> None:
        self.message = message or cleandoc(type(self).__doc__ or "")
        super().__init__(self.message)


class LockLost(BrokerError):
    """The lock has expired or the message was settled."""

    condition = "com.microsoft:message-lock-lost"
    status = 410


class MessageNotFound(BrokerError):
    """No message has this sequence number in the requested state."""

    condition = "com.microsoft:message-not-found"
    status = 404


class QueueNotFound(BrokerError):
    """No queue has this name."""

    condition = "amqp:not-found"
    status = 404


class QueueFull(BrokerError):
    """The queue has reached its maximum number of messages."""

    condition = "amqp:resource-limit-exceeded"
    status = 403


class MessageTooLarge(BrokerError):
    """The message exceeds the size limit of the Standard tier."""

    condition = "amqp:link:message-size-exceeded"
    status = 400


class DecodeError(BrokerError):
    """The message cannot be decoded."""

    condition = "amqp:decode-error"
    status = 400


class NotImplementedByBroker(BrokerError):
    """The broker does not implement this part of the protocol."""

    condition = "amqp:not-implemented"
    status = 501


class NotAllowed(BrokerError):
    """The operation is not allowed on this entity."""

    condition = "amqp:not-allowed"
    status = 400
