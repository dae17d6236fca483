"""Watermark stores, one suite for both: a file, and a blob in Azurite."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from azure.storage.blob.aio import BlobServiceClient

from inventory.core.errors import StorageUnavailable, WatermarkConflict
from inventory.core.settings import Settings, SettingsError
from sync.planning.window import Watermark
from sync.ports import WatermarkStore
from sync.watermark import manual
from sync.watermark.file import FileWatermarkStore
from sync.watermark.store import open_watermark_store, probe_storage
from tests.contract.azurite import AzuriteMissing, azurite

pytestmark = pytest.mark.timeout(400)  # the first time, Azurite is installed

NOON = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)


def at(minutes: float, run: str = "a run") -> Watermark:
    instant = NOON + timedelta(minutes=minutes)
    return Watermark(last_updated_at=instant, last_run_id=run, last_run_completed_at=instant)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def storage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """A connection string of Azure Storage with the pipeline's container."""
    try:
        async with azurite(tmp_path_factory.mktemp("azurite")) as connection_string:
            async with BlobServiceClient.from_connection_string(connection_string) as service:
                await service.create_container("watermarks")
            yield connection_string
    except AzuriteMissing as missing:
        pytest.skip(f"no Azurite: {missing}")


@pytest.fixture(params=["file", "blob"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    if request.param == "file":
        return Settings.read(watermark_directory=str(tmp_path / "watermarks"))
    feed = f"feed-{abs(hash(tmp_path)) % 10**9}"
    return Settings.read(azure_storage_connection_string=request.getfixturevalue("storage"), sync_feed=feed)


@pytest_asyncio.fixture
async def store(settings: Settings) -> AsyncIterator[WatermarkStore]:
    async with open_watermark_store(settings) as opened:
        yield opened


async def test_probe_writes_and_leaves_nothing(settings: Settings, store: WatermarkStore) -> None:
    assert ("directory" if settings.watermark.directory else "container watermarks") in await probe_storage(settings)
    assert await store.read() is None


async def test_probe_of_unknown_container_fails(storage: str) -> None:
    unknown = Settings.read(azure_storage_connection_string=storage, watermark_container="absent")
    with pytest.raises(StorageUnavailable):
        await probe_storage(unknown)


async def test_watermark_is_absent_before_first_run(store: WatermarkStore) -> None:
    assert await store.read() is None


async def test_watermark_is_stored_to_microsecond(store: WatermarkStore) -> None:
    by_hand = Watermark(last_updated_at=NOON, last_run_id="a run", set_by="someone", set_reason="because: ü")
    await store.write(at(0), None)
    stored = await store.read()
    assert stored is not None
    assert stored[0] == at(0)
    await store.write(by_hand, stored[1])
    again = await store.read()
    assert again is not None
    assert again[0] == by_hand


async def test_first_write_requires_absent_watermark(store: WatermarkStore) -> None:
    await store.write(at(0), None)
    with pytest.raises(WatermarkConflict):
        await store.write(at(1), None)
    stored = await store.read()
    assert stored is not None
    assert stored[0] == at(0)


async def test_only_read_version_is_replaced(store: WatermarkStore) -> None:
    await store.write(at(0), None)
    first = await store.read()
    assert first is not None
    await store.write(at(1), first[1])
    with pytest.raises(WatermarkConflict):
        await store.write(at(2), first[1])
    stored = await store.read()
    assert stored is not None
    assert stored[0] == at(1)


@pytest.mark.parametrize("first_exists", [False, True])
async def test_one_of_many_concurrent_writers_wins(
    store: WatermarkStore, settings: Settings, first_exists: bool
) -> None:
    version = None
    if first_exists:
        await store.write(at(0), None)
        stored = await store.read()
        assert stored is not None
        version = stored[1]

    async def write(number: int) -> bool:
        async with open_watermark_store(settings) as another:
            try:
                await another.write(at(number, f"run {number}"), version)
            except WatermarkConflict:
                return False
            return True

    won = await asyncio.gather(*(write(number) for number in range(1, 9)))
    assert sum(won) == 1
    stored = await store.read()
    assert stored is not None
    assert stored[0].last_run_id == f"run {won.index(True) + 1}"


async def test_watermark_moved_since_read_is_not_set(store: WatermarkStore) -> None:
    await store.write(at(0), None)
    proposal = await manual.propose(store, NOON - timedelta(hours=1), "someone", "a gap", lambda: NOON)
    stored = await store.read()
    assert stored is not None
    await store.write(at(5), stored[1])
    with pytest.raises(WatermarkConflict):
        await manual.apply(store, proposal)


async def test_operator_may_set_watermark_back_and_is_recorded(store: WatermarkStore) -> None:
    await store.write(at(0), None)
    back = NOON - timedelta(days=1)
    proposal = await manual.propose(store, back, "someone", "a gap", lambda: NOON)
    assert proposal.skips is None
    await manual.apply(store, proposal)
    stored = await store.read()
    assert stored is not None
    assert stored[0] == Watermark(
        last_updated_at=back,
        last_run_id="a run",
        last_run_completed_at=NOON,
        set_by="someone",
        set_reason="a gap",
    )


async def test_missing_directory_is_outage(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    store = FileWatermarkStore(tmp_path / "file", "nivoda")
    with pytest.raises(StorageUnavailable, match="Not a directory"):
        await store.read()
    with pytest.raises(StorageUnavailable, match="File exists"):
        await store.write(at(0), None)


async def test_unwritable_directory_is_settings_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for nowhere in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/watermarks")):
        with pytest.raises(SettingsError, match=rf"^WATERMARK_DIRECTORY: nothing can be written to {nowhere} \("):
            async with open_watermark_store(Settings.read(watermark_directory=str(nowhere))):
                pass


async def test_temporary_file_of_killed_writer_is_overwritten(tmp_path: Path) -> None:
    async with open_watermark_store(Settings.read(watermark_directory=str(tmp_path))) as store:
        (tmp_path / ".nivoda.json.part").write_text("half a waterm")
        await store.write(at(0), None)
        stored = await store.read()
    assert stored is not None
    assert stored[0] == at(0)
    assert {path.name for path in await asyncio.to_thread(lambda: list(tmp_path.iterdir()))} == {
        ".nivoda.lock",
        "nivoda.json",
    }


async def test_unresponsive_account_is_outage() -> None:
    nowhere = Settings.read(
        azure_storage_connection_string="DefaultEndpointsProtocol=http;AccountName=a;AccountKey=YQ==;"
        "BlobEndpoint=http://127.0.0.1:9/a;"
    )
    async with open_watermark_store(nowhere) as store:
        with pytest.raises(StorageUnavailable):
            await store.read()
        with pytest.raises(StorageUnavailable):
            await store.write(at(0), None)
