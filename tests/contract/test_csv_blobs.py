"""Feed of files in a container of Azure Storage, against Azurite."""

from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import pytest
import pytest_asyncio
from azure.core.credentials import AzureNamedKeyCredential
from azure.storage.blob import BlobBlock
from azure.storage.blob.aio import BlobServiceClient, ContainerClient

from inventory.core.errors import FeedDamaged, SupplierRefused, SupplierUnavailable
from inventory.suppliers.csv_files.blobs import BlobAddress, parse_address
from inventory.suppliers.csv_files.feed import CsvFeed, open_csv_feed
from tests.contract.azurite import AzuriteMissing, azurite
from tests.unit.suppliers.csv_files.price_lists import row, text_of, toml


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def connection_string(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    try:
        async with azurite(tmp_path_factory.mktemp("azurite")) as found:
            yield found
    except AzuriteMissing as error:
        pytest.skip(str(error))


@pytest.fixture
async def container(connection_string: str) -> AsyncIterator[ContainerClient]:
    async with BlobServiceClient.from_connection_string(connection_string) as service:
        yield await service.create_container(f"lists-{uuid4()}")


def settings(container: ContainerClient, tmp_path: Path, prefix: str = "gems/lists") -> SimpleNamespace:
    (tmp_path / "map.toml").write_text(toml())
    return SimpleNamespace(source=f"{container.url}/{prefix}", map=str(tmp_path / "map.toml"), settle_seconds=0.0)


def credential(connection_string: str) -> AzureNamedKeyCredential:
    values = dict(part.split("=", 1) for part in connection_string.rstrip(";").split(";"))
    return AzureNamedKeyCredential(values["AccountName"], values["AccountKey"])


async def stocks(feed: CsvFeed, consumed: list[str]) -> list[str]:
    snapshot = await feed.available(consumed)
    assert snapshot is not None
    consumed += [file.digest for file in snapshot.files]
    (part,) = await feed.plan(snapshot, 1)
    page = await feed.read(snapshot, part, 0, 10)
    return [item.supplier_stone_id.partition("#")[0] for item in page.items]


async def test_committed_blobs_below_the_prefix_are_read(
    container: ContainerClient, connection_string: str, tmp_path: Path
) -> None:
    consumed: list[str] = []
    async with open_csv_feed("gems", settings(container, tmp_path), credential(connection_string)) as feed:
        assert await feed.available(()) is None
        blob = container.get_blob_client("gems/lists/full-1.csv")
        content = text_of([row("A"), row("B")]).encode()
        await blob.stage_block("1", content)  # an upload that is not committed is not visible
        assert await feed.available(()) is None
        await blob.commit_block_list([BlobBlock("1")])
        for name in ("gems/lists/old/full-9.csv", "gems/full-9.csv", "other/full-9.csv"):
            await container.upload_blob(name, content)
        assert await stocks(feed, consumed) == ["A", "B"]
        assert await feed.available(consumed) is None
        await blob.upload_blob(text_of([row("C")]), overwrite=True)
        assert await stocks(feed, consumed) == ["C"]
        assert str(container.container_name) in await feed.identity()
        assert credential(connection_string).named_key.key not in await feed.identity()


async def test_overwritten_blob_fails_the_run(
    container: ContainerClient, connection_string: str, tmp_path: Path
) -> None:
    async with open_csv_feed("gems", settings(container, tmp_path, ""), credential(connection_string)) as feed:
        await container.upload_blob("full-1.csv", text_of([row("A")]))
        snapshot = await feed.available(())
        assert snapshot is not None
        await container.upload_blob("full-1.csv", text_of([row("B")]), overwrite=True)
        with pytest.raises(FeedDamaged, match="the content has changed since the run started"):
            await feed.plan(snapshot, 1)
        await container.delete_blob("full-1.csv")
        with pytest.raises(FeedDamaged, match="the blob is no longer in the container"):
            await feed.plan(snapshot, 1)


async def test_rejected_identity_and_missing_container(
    container: ContainerClient, connection_string: str, tmp_path: Path
) -> None:
    wrong = AzureNamedKeyCredential("devstoreaccount1", "d3Jvbmc=")
    async with open_csv_feed("gems", settings(container, tmp_path), wrong) as feed:
        with pytest.raises(SupplierRefused, match="the storage rejects the identity"):
            await feed.available(())
    missing = settings(container, tmp_path)
    missing.source = missing.source.replace(str(container.container_name), "missing")
    async with open_csv_feed("gems", missing, credential(connection_string)) as feed:
        with pytest.raises(SupplierRefused, match="the container does not exist"):
            await feed.available(())


async def test_unreached_storage_is_unavailable(
    tmp_path: Path, container: ContainerClient, connection_string: str
) -> None:
    unreached = settings(container, tmp_path)
    unreached.source = "http://127.0.0.1:9/devstoreaccount1/lists"
    async with open_csv_feed("gems", unreached, credential(connection_string)) as feed:
        with pytest.raises(SupplierUnavailable, match="the storage does not answer"):
            await feed.available(())


def test_parse_address() -> None:
    assert parse_address("https://gems.blob.core.windows.net/lists/a/b/") == BlobAddress(
        "https://gems.blob.core.windows.net", "lists", "a/b/"
    )
    assert parse_address("http://127.0.0.1:10000/devstoreaccount1/lists") == BlobAddress(
        "http://127.0.0.1:10000/devstoreaccount1", "lists", ""
    )
    for url in ("https://gems.blob.core.windows.net", "http://127.0.0.1:10000/devstoreaccount1"):
        with pytest.raises(ValueError, match="has no container"):
            parse_address(url)
