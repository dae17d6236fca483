"""Command line of the Service Bus emulator (`python -m sandbox.broker`): serves until SIGTERM."""

import asyncio
import errno
import signal
import socket
from typing import Annotated

import typer

from sandbox.broker.control import control_server
from sandbox.broker.logs import configure
from sandbox.broker.message import QueueSettings
from sandbox.broker.server import Broker

DEFAULT_QUEUES = ["work-items", "work-done", "consolidate"]


async def run(broker: Broker, control_port: int | None) -> None:
    """Serve AMQP, and HTTP on the control port, until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with broker:
        if control_port is None:
            await stop.wait()
            return
        control = control_server(broker, broker.host, control_port)
        serving = asyncio.create_task(control.serve())
        stopping = asyncio.create_task(stop.wait())
        # If the control server cannot start, the process ends.
        await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        control.should_exit = True
        await serving


def main(
    port: Annotated[int, typer.Option(help="Port for AMQP; 0 selects a free port.")] = 5672,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    queue: Annotated[list[str] | None, typer.Option(help="Name of a queue; may be repeated.")] = None,
    lock_seconds: Annotated[float, typer.Option(min=0.01, help="Duration of a message lock.")] = 60,
    max_delivery_count: Annotated[int, typer.Option(min=1, help="Deliveries before a message is dead-lettered.")] = 10,
    ttl_seconds: Annotated[float | None, typer.Option(help="Time to live of messages; default: unlimited.")] = None,
    max_messages: Annotated[int, typer.Option(min=1, help="Maximum messages of a queue.")] = 100_000,
    max_connections: Annotated[
        int | None,
        typer.Option(min=1, help="Maximum concurrent connections (Microsoft's emulator: 10); default: unlimited."),
    ] = None,
    control_port: Annotated[
        int | None, typer.Option(help="Port of the HTTP control API: queues, faults, drop.")
    ] = None,
    log_level: Annotated[str, typer.Option(help="DEBUG, INFO, WARNING or ERROR.")] = "INFO",
) -> None:
    """Emulate Azure Service Bus queues in memory. All messages are lost when the process stops."""
    configure(log_level)
    settings = QueueSettings(
        lock_seconds=lock_seconds,
        max_delivery_count=max_delivery_count,
        ttl_seconds=ttl_seconds,
        max_messages=max_messages,
    )
    names = queue or DEFAULT_QUEUES
    for number, name in ((port, "--port"), (control_port, "--control-port")):
        _check_port(number or 0, host, name)
    broker = Broker(dict.fromkeys(names, settings), host, port, max_connections=max_connections)
    asyncio.run(run(broker, control_port))


def _check_port(port: int, host: str, option: str) -> None:
    """Exit with one line if the process cannot listen on a port."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        # Same option as the servers: a port with connections in TIME_WAIT is available.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise SystemExit(f"port {port} is in use by another process; choose another with {option}") from error
            raise SystemExit(
                f"cannot listen on port {port} of {host}: {error.strerror}; see {option} and --host"
            ) from error


if __name__ == "__main__":
    typer.run(main)
