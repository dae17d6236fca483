"""A feed that only a column map and settings define: role processes read its files into the inventory."""

import shutil
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest
import pytest_asyncio

from inventory.core.database import Database
from inventory.core.errors import ColumnMapInvalid
from inventory.core.settings import Settings
from inventory.core.settings.feeds import prefix
from inventory.suppliers.enumerated import EnumeratedFeed
from inventory.suppliers.registry import supplier_of, trading_feed
from sync.container import Container
from sync.messaging.outbox import Outbox
from sync.messaging.servicebus import ServiceBusBroker
from sync.operations.rebuild import Rebuild
from sync.scheduler.planning import RunRequest
from sync.watermark.file import FileWatermarkStore
from tests.integration.sync.conftest import Execute
from tests.integration.sync.test_two_feeds import finish, read

EXAMPLES = Path(__file__).parents[3] / "examples/column-maps"
PRICES = "SELECT supplier_stone_id, supplier_price_cents, carat_milli, lab_grown FROM diamonds WHERE status = 'active'"


@pytest.fixture
def delivered(tmp_path: Path) -> Path:
    folder = tmp_path / "delivered"
    folder.mkdir()
    shutil.copy(EXAMPLES / "ritani-20261128.csv", folder)
    return folder


@pytest.fixture
def settings(settings: Settings, delivered: Path) -> Settings:
    return settings.with_values(
        feeds="shop-stones",
        **{
            f"{prefix('shop-stones')}{name}".lower(): value
            for name, value in {
                "kind": "csv", "source": str(delivered), "map": str(EXAMPLES / "ritani.toml"), "settle_seconds": 0,
            }.items()
        },
    )  # fmt: skip


@pytest_asyncio.fixture
async def shop(
    settings: Settings, database: Database, broker: ServiceBusBroker, outbox: Outbox, execute: Execute
) -> AsyncIterator[Container]:
    await execute("SELECT create_raw_partition('shop-stones')")
    store = FileWatermarkStore(Path(settings.watermark.need("directory")), "shop-stones")
    async with supplier_of(settings).open_feed(settings) as feed:
        yield Container(settings, database, feed, broker, store, outbox, broker.dead_letters())


async def test_price_list_is_synced_by_map_and_settings_only(shop: Container, database: Database) -> None:
    run, plan = await shop.scheduler().schedule(RunRequest())
    assert plan.total == 3
    (ended,) = await finish(shop, run)
    assert (ended.status, ended.upserted, ended.quarantined) == ("completed", 3, 0)
    found = {str(row[0]).partition("#")[0]: row[1:] for row in await read(database, PRICES)}
    listed = {}
    lines = (EXAMPLES / "ritani-20261128.csv").read_text("utf-8").splitlines()
    names = lines[0].split("\t")
    for line in lines[1:]:
        row = dict(zip(names, line.split("\t"), strict=True))
        cents, carat = int(Decimal(row["cost"]) * 100), int(Decimal(row["carat"]) * 1000)
        listed[row["vendor_sku"]] = (cents, carat, row["lab_grown"] == "1")
    assert found == listed
    assert await read(database, "SELECT DISTINCT supplier FROM diamonds") == [("shop-stones",)]
    assert await read(database, "SELECT tableoid::regclass::text FROM raw_diamonds LIMIT 1") == [
        ("raw_diamonds_shop_stones",)
    ]


async def test_rebuild_of_price_list_finds_no_difference(shop: Container, database: Database) -> None:
    run, _ = await shop.scheduler().schedule(RunRequest())
    await finish(shop, run)
    rebuild = Rebuild(
        shop.settings.sync, database, supplier_of(shop.settings).remap(shop.settings), lambda: run.started_at
    )
    compared = await rebuild.compare()
    assert (compared.stones, compared.equal) == (3, 3)


def test_price_list_cannot_be_traded(settings: Settings) -> None:
    assert trading_feed(settings) is None


async def test_feed_with_invalid_map_fails_by_its_calls_only(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "wrong.toml").write_text("version = 1")
    wrong = settings.with_values(**{f"{prefix('shop-stones')}map".lower(): str(tmp_path / "wrong.toml")})
    async with supplier_of(wrong).open_feed(wrong) as feed:
        assert isinstance(feed, EnumeratedFeed)
        with pytest.raises(ColumnMapInvalid, match=r"wrong\.toml"):
            await feed.available(())
