"""Outbox: send the messages that the database marks as due. Reconcile sends lost messages again."""

from collections.abc import Sequence
from uuid import UUID

from inventory.core.errors import BrokerUnavailable
from inventory.core.logging import get_logger
from inventory.core.settings.service_bus import ServiceBusSettings
from inventory.runs.models import Partition
from sync.messaging.messages import Consolidate, WorkDone, WorkItem, encode
from sync.ports import Broker
from sync.runs.lifecycle import Lifecycle

log = get_logger()


class Outbox:
    """Sends the three kinds of messages, each after the transaction that causes it."""

    def __init__(self, settings: ServiceBusSettings, broker: Broker, lifecycle: Lifecycle) -> None:
        self._settings = settings
        self._broker = broker
        self._lifecycle = lifecycle

    async def send_work(self, partitions: Sequence[Partition], trace_id: str) -> None:
        """Send work items for open partitions.

        Raises:
            BrokerUnavailable: some may not have been sent.
        """
        if not partitions:
            return
        bodies = [
            encode(WorkItem(run_id=part.run_id, partition_id=part.id, trace_id=trace_id, feed=part.feed))
            for part in partitions
        ]
        await self._broker.send(self._settings.queue_work_items, bodies)
        await self._lifecycle.mark_sent([part.id for part in partitions])

    async def send_work_or_leave(self, partitions: Sequence[Partition], trace_id: str) -> bool:
        """Send work items for open partitions. False if the broker does not answer: reconcile sends them later."""
        try:
            await self.send_work(partitions, trace_id)
        except BrokerUnavailable as error:
            log.warning("work_items_not_sent", partitions=len(partitions), error=error.message)
            return False
        return True

    async def send_trigger(self, run_id: UUID, trace_id: str, feed: str) -> bool:
        """Send the consolidation trigger of a run whose partitions have all succeeded. False if it must be sent later."""
        try:
            await self._broker.send(
                self._settings.queue_consolidate, [encode(Consolidate(run_id=run_id, trace_id=trace_id, feed=feed))]
            )
        except BrokerUnavailable as error:
            log.warning("trigger_not_sent", error=error.message)
            return False
        await self._lifecycle.mark_consolidation_sent(run_id)
        return True

    async def send_trigger_if_due(self, run_id: UUID) -> None:
        """Send the trigger of a run if it was requested and not sent, because the process died in between."""
        run = await self._lifecycle.get(run_id)
        if run.status == "consolidating" and run.consolidate_sent_at is None:
            await self.send_trigger(run.id, run.trace_id, run.feed)

    async def report(self, partition: Partition, trace_id: str) -> None:
        """Report that a partition has ended. The report is only for monitoring, so a loss needs no retry."""
        report = WorkDone(
            run_id=partition.run_id,
            partition_id=partition.id,
            trace_id=trace_id,
            status="failed" if partition.status == "failed" else "succeeded",
            fetched=partition.fetched,
            pages=partition.pages,
        )
        try:
            await self._broker.send(self._settings.queue_work_done, [encode(report)])
        except BrokerUnavailable as error:
            log.warning("report_not_sent", error=error.message)
