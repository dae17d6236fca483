"""An in-memory broker that Service Bus clients talk to, for one machine and for tests."""

from sandbox.broker.faults import Faults
from sandbox.broker.message import Connections, Counts, QueueSettings
from sandbox.broker.server import Broker

__all__ = ["Broker", "Connections", "Counts", "Faults", "QueueSettings"]
