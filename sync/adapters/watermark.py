"""Watermarks: a blob in Azure Storage, or a file for one machine. Both write only over the version that was read."""

import asyncio
import fcntl
import hashlib
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
from azure.core import MatchConditions
from azure.core.exceptions import (
    AzureError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.identity.aio import DefaultAzureCredential
from azure.storage.blob.aio import BlobClient, BlobServiceClient

from app.core.errors import InventoryError, StorageUnavailable, WatermarkConflict
from app.core.settings import Settings
from sync.domain.window import Watermark
from sync.ports import WatermarkStore

_TIMEOUT_SECONDS = 15


class WatermarkUnreadable(InventoryError):
    """The watermark's blob holds something else; look at it, then set it with `python -m sync watermark set`."""


def _decode(content: bytes) -> Watermark:
    try:
        return msgspec.json.decode(content, type=Watermark)
    except msgspec.MsgspecError as error:
        raise WatermarkUnreadable(f"The watermark can't be read: {error}") from error


class FileWatermarkStore:
    """One JSON file, replaced by renaming. Its version is the hash of its content; a lock file orders writers."""

    def __init__(self, directory: Path, feed: str) -> None:
        self._path = directory / f"{feed}.json"
        self._lock = directory / f".{feed}.lock"

    async def read(self) -> tuple[Watermark, str] | None:
        """The watermark and its version; None where there is no file yet."""
        content = await asyncio.to_thread(self._content)
        return None if content is None else (_decode(content), _version(content))

    async def write(self, watermark: Watermark, version: str | None) -> None:
        """Replace exactly this version; see `sync.ports.WatermarkStore`."""
        await asyncio.to_thread(self._replace, msgspec.json.encode(watermark), version)

    def _content(self) -> bytes | None:
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            return None

    def _replace(self, content: bytes, version: str | None) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._lock.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            present = self._content()
            if (None if present is None else _version(present)) != version:
                raise WatermarkConflict
            with tempfile.NamedTemporaryFile(dir=self._path.parent, prefix=".", delete=False) as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(file.name).replace(self._path)


def _version(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()


class BlobWatermarkStore:
    """One blob, written with `If-Match` (or `If-None-Match: *` for the first one)."""

    def __init__(self, blob: BlobClient) -> None:
        self._blob = blob

    async def read(self) -> tuple[Watermark, str] | None:
        """The watermark and its ETag; None where there is no blob yet."""
        try:
            stream = await self._blob.download_blob(timeout=_TIMEOUT_SECONDS)
            content = await stream.readall()
        except ResourceNotFoundError:
            return None
        except (AzureError, OSError) as error:
            raise StorageUnavailable from error
        return _decode(content), str(stream.properties.etag)

    async def write(self, watermark: Watermark, version: str | None) -> None:
        """Replace exactly this version; see `sync.ports.WatermarkStore`."""
        content = msgspec.json.encode(watermark)
        try:
            if version is None:
                await self._blob.upload_blob(content, overwrite=False, timeout=_TIMEOUT_SECONDS)
            else:
                await self._blob.upload_blob(
                    content,
                    overwrite=True,
                    etag=version,
                    match_condition=MatchConditions.IfNotModified,
                    timeout=_TIMEOUT_SECONDS,
                )
        except (ResourceExistsError, ResourceModifiedError) as error:
            raise WatermarkConflict from error
        except (AzureError, OSError) as error:
            raise StorageUnavailable from error


@asynccontextmanager
async def open_watermark_store(settings: Settings) -> AsyncIterator[WatermarkStore]:
    """The store that the settings name: a directory, a connection string, or an account by managed identity."""
    blob_name = f"{settings.sync_feed}.json"
    if settings.watermark_directory is not None:
        yield FileWatermarkStore(Path(settings.watermark_directory), settings.sync_feed)
    elif settings.azure_storage_account_url is not None:
        async with (
            DefaultAzureCredential() as credential,
            BlobServiceClient(settings.azure_storage_account_url, credential) as service,
        ):
            yield BlobWatermarkStore(service.get_blob_client(settings.watermark_container, blob_name))
    else:
        async with BlobServiceClient.from_connection_string(
            settings.need("azure_storage_connection_string")
        ) as service:
            yield BlobWatermarkStore(service.get_blob_client(settings.watermark_container, blob_name))
