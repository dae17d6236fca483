"""Service Bus: queues, messages, the outbox and dead letters."""

from inventory.core.lean_imports import bare_package

# The client needs one class of its management package, whose own code imports an HTTP client, `requests` and `urllib3`.
with bare_package("azure.servicebus.management"), bare_package("azure.servicebus.management._generated"):
    import azure.servicebus  # noqa: F401
