"""What a broker refuses, each with the AMQP condition from which a client chooses the error to raise."""

from inspect import cleandoc
from typing import ClassVar


class BrokerError(Exception):
    """The broker failed."""

    condition: ClassVar[str] = "amqp:internal-error"
    status: ClassVar[int] = 500  # of a reply to a management request

    def __init__(self, message: str | None = None) -> None:
        self.message = message or cleandoc(type(self).__doc__ or "")
        super().__init__(self.message)


class LockLost(BrokerError):
    """The lock is gone: it expired, or the message was settled."""

    condition = "com.microsoft:message-lock-lost"
    status = 410


class MessageNotFound(BrokerError):
    """No message has this sequence number in the state that was asked for."""

    condition = "com.microsoft:message-not-found"
    status = 404


class QueueNotFound(BrokerError):
    """There is no queue of this name."""

    condition = "amqp:not-found"
    status = 404


class QueueFull(BrokerError):
    """The queue holds as many messages as it may."""

    condition = "amqp:resource-limit-exceeded"
    status = 403


class MessageTooLarge(BrokerError):
    """The message is larger than the Standard tier takes."""

    condition = "amqp:link:message-size-exceeded"
    status = 400


class Unreadable(BrokerError):
    """The message can't be decoded."""

    condition = "amqp:decode-error"
    status = 400


class NotSpoken(BrokerError):
    """This broker does not speak that part of the protocol."""

    condition = "amqp:not-implemented"
    status = 501


class NotAllowed(BrokerError):
    """This can't be done here."""

    condition = "amqp:not-allowed"
    status = 400
