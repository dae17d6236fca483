"""Load on one server: its rate, and the CPU time of its process."""

from benchmarks.client import HttpRequest
from benchmarks.figures import Pace
from benchmarks.processes import cpu_seconds
from benchmarks.servers import ServedApi


async def measure_load(
    request: HttpRequest, served: ServedApi, *, seconds: float, connections: int
) -> tuple[Pace, Pace]:
    """Send a request repeatedly. Returns requests per second, and CPU milliseconds of the process per request."""
    before = cpu_seconds(served.pid)
    durations, elapsed = await request.send_repeatedly(seconds, connections)
    used = cpu_seconds(served.pid) - before
    # The system counts CPU time in ticks, so a short measurement may have none.
    return Pace.of(durations, elapsed=elapsed), Pace(max(1e-3, 1000 * used / len(durations)))
