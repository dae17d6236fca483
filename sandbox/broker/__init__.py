"""Service Bus emulator: an in-memory AMQP 1.0 broker for local development and tests. See README.md."""

from sandbox.broker.faults import Faults
from sandbox.broker.message import Connections, Counts, QueueSettings
from sandbox.broker.server import Broker

__all__ = ["Broker", "Connections", "Counts", "Faults", "QueueSettings"]
