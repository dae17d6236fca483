"""Command `destinations`: delivery locations of the supplier account."""

from collections.abc import Sequence

from redis.asyncio import Redis

from inventory.core.command_line import print_json, run_command, start_command
from inventory.core.command_options import AsJson
from inventory.core.records import Record, print_records
from inventory.suppliers.ports import Destination
from inventory.suppliers.registry import open_trading_client
from inventory.trading.destinations import Destinations

_COMMAND_SECONDS = 60


def destinations(as_json: AsJson = False) -> None:
    """List the destinations of purchases: the locations of the supplier account, default first."""
    settings = start_command("destinations")

    async def run() -> Sequence[Destination]:
        async with (
            Redis.from_url(settings.redis.need("url")) as redis,
            open_trading_client(settings, redis) as supplier,
        ):
            return await Destinations(supplier).listed()

    found = run_command(run(), timeout_seconds=_COMMAND_SECONDS)
    if as_json:
        print_json(found)
        return
    print_records(("id", "name", "default"), [_record(place) for place in found])


def _record(place: Destination) -> Record:
    parts = (*place.address, place.postal_code, place.city, place.state, place.country)
    address = ", ".join(part for part in parts if part)
    return Record((place.id, place.name, "yes" if place.default else ""), (address,))
