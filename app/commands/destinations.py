"""`destinations`: the locations of the supplier's account, which purchases name."""

from collections.abc import Sequence

from redis.asyncio import Redis
from rich.table import Table

from inventory.core.command_line import AsJson, print_json, print_text, run_command, start_command
from inventory.suppliers.nivoda.trading import open_limited_trading
from inventory.suppliers.ports import Destination
from inventory.trading.destinations import Destinations

_COMMAND_SECONDS = 60


def destinations(as_json: AsJson = False) -> None:
    """List the destinations of orders: the locations of the supplier's account, the default first."""
    settings = start_command("destinations")

    async def run() -> Sequence[Destination]:
        async with (
            Redis.from_url(settings.need("redis_url")) as redis,
            open_limited_trading(settings, redis) as supplier,
        ):
            return await Destinations(supplier).listed()

    found = run_command(run(), timeout_seconds=_COMMAND_SECONDS)
    if as_json:
        print_json(found)
        return
    table = Table("id", "name", "address", "default")
    for one in found:
        parts = (*one.address, one.postal_code, one.city, one.state, one.country)
        table.add_row(one.id, one.name, ", ".join(part for part in parts if part), "yes" if one.default else "")
    print_text(table)
