"""Checks of the Service Bus queues: each can be sent to and received from, and has no dead letters."""

from inventory.core.checks import Check, DoctorReport
from inventory.core.counts import count_text
from inventory.core.errors import BrokerUnavailable
from inventory.core.settings import Settings
from sync.messaging.credential import ProcessCredential
from sync.messaging.links import LinkTimeouts
from sync.messaging.servicebus import ServiceBusBroker

_MAX_COUNTED = 100
_IMPATIENT = LinkTimeouts(open=10, receive=10, send=10, close=2)


async def examine_queues(settings: Settings) -> DoctorReport:
    """Check the three queues. No message is removed.

    Raises:
        SettingsError: the broker is not set.
    """
    queues = settings.service_bus.queues
    checks: list[Check] = []
    async with (
        ProcessCredential() as credential,
        ServiceBusBroker.open(settings.service_bus, credential, timeouts=_IMPATIENT) as broker,
    ):
        for position, queue in enumerate(queues):
            found = await _queue(broker, queue)
            checks += found
            if found[0].state == "failed":
                # A broker that is away is away for every queue, and each check would wait for it again.
                checks += [Check(name=other, state="skipped", detail="not checked") for other in queues[position + 1 :]]
                break
    return DoctorReport(subject="Queues of Service Bus", checks=checks)


async def _queue(broker: ServiceBusBroker, queue: str) -> list[Check]:
    try:
        waiting = await broker.probe(queue)
        letters = await broker.dead_letters().peek(queue, _MAX_COUNTED)
    except BrokerUnavailable as error:
        return [
            Check(
                name=queue,
                state="failed",
                detail=error.message,
                next_step="Check the address of the namespace, that the queue exists, and the rights of this identity "
                "(Azure Service Bus Data Owner).",
            )
        ]
    checks = [
        Check(
            name=queue,
            state="ok",
            detail="messages can be sent and received" + ("; some wait" if waiting else ""),
        )
    ]
    if letters:
        least = "at least " if len(letters) == _MAX_COUNTED else ""
        checks.append(
            Check(
                name=queue,
                state="degraded",
                detail=f"{least}{count_text(len(letters), 'dead letter')}; the oldest: {letters[0].reason}",
                next_step=f"List them: diamonds-sync dead-letters list --queue {queue}",
            )
        )
    return checks
