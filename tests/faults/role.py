"""A role of the installation with kill points.

`reconciler` replaces the job that reconciles every minute; here it reconciles continuously. `settle` is one round of
the trading jobs, `api` the API.
"""

import asyncio
import os
import sys
from contextlib import suppress
from pathlib import Path

from redis.asyncio import Redis

from app import cli as api
from inventory.core.command_line import run_command, start_command
from inventory.core.database import Database
from inventory.core.errors import InventoryError
from inventory.core.logging import get_logger
from inventory.suppliers.registry import open_trading_client
from inventory.trading.settlement import Settlement
from sync.__main__ import main as run_command_line
from sync.container import open_control
from sync.process import run_role
from tests.faults.points import Trap, install_points

_RECONCILE_SECONDS = 0.5

log = get_logger()


def main() -> None:
    """Install the kill points, then run `python -m sync` with the same arguments."""
    install_points(Trap(os.environ["FAULTS_ROLE"], Path(os.environ["FAULTS_DIRECTORY"])))
    if sys.argv[1:] == ["reconciler"]:
        reconcile()
    elif sys.argv[1:] == ["settle"]:
        settle()
    elif sys.argv[1:2] == ["api"]:
        sys.argv = ["app", "serve", *sys.argv[2:]]
        api.main()
    else:
        run_command_line()


def reconcile() -> None:
    """Reconcile until SIGTERM."""
    settings = start_command("reconciler")

    async def command() -> None:
        async with open_control(settings) as (_, reconciler):

            async def role(stop: asyncio.Event) -> None:
                while not stop.is_set():
                    try:
                        await reconciler.reconcile()
                    except InventoryError as error:
                        log.warning("reconciliation_failed", error=error.message)
                    with suppress(TimeoutError):
                        await asyncio.wait_for(stop.wait(), _RECONCILE_SECONDS)

            await run_role(role, settings.sync.drain_seconds)

    run_command(command())


def settle() -> None:
    """Run the settlement jobs of trading once."""
    settings = start_command("settle")

    async def command() -> None:
        async with (
            Database.open(settings.database) as database,
            Redis.from_url(settings.redis.need("url")) as redis,
            open_trading_client(settings, redis) as supplier,
        ):
            settlement = Settlement(settings, database, supplier)
            await settlement.holds()
            await settlement.refresh()
            await settlement.purchases()
            await settlement.evidence()
            await settlement.declined()
            await settlement.reminders()

    run_command(command())
