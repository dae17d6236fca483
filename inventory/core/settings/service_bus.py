"""Settings of Azure Service Bus."""

from typing import Annotated

from inventory.core.settings.addresses import BusConnection
from inventory.core.settings.section import ServerSection, setting


class ServiceBusSettings(ServerSection, title="Service Bus"):
    """Address and queues of Azure Service Bus."""

    connection_string: Annotated[
        BusConnection | None,
        setting(
            "Connection string; or set AZURE_SERVICE_BUS_NAMESPACE to use a managed identity.",
            variable="AZURE_SERVICE_BUS_CONNECTION_STRING",
            example="Endpoint=sb://localhost:5673;SharedAccessKeyName=x;SharedAccessKey=x;UseDevelopmentEmulator=true;",
        ),
    ] = None
    namespace: Annotated[
        str | None,
        setting(
            "Namespace reached with a managed identity.",
            variable="AZURE_SERVICE_BUS_NAMESPACE",
            example="example.servicebus.windows.net",
        ),
    ] = None
    queue_work_items: Annotated[str, setting("Queue of partitions to read.")] = "work-items"
    queue_work_done: Annotated[str, setting("Queue of reports on finished partitions.")] = "work-done"
    queue_consolidate: Annotated[str, setting("Queue of runs to consolidate.")] = "consolidate"
    queue_max_delivery_count: Annotated[
        int,
        setting("Deliveries before a message is a dead letter, as set on the queues.", ge=1, le=2000),
    ] = 10

    @property
    def queues(self) -> tuple[str, str, str]:
        """Names of all queues."""
        return self.queue_work_items, self.queue_work_done, self.queue_consolidate
