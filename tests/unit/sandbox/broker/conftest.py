import pytest

from sandbox.broker.queue import Queue
from tests.unit.sandbox.broker.queues import Clock, make_queue


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue(clock: Clock) -> Queue[str]:
    return make_queue(clock)
