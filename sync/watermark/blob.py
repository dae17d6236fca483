"""Watermark store in Azure Storage: one blob with optimistic locking by its ETag."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from azure.core import MatchConditions
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError, ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.storage.blob.aio import BlobClient, BlobServiceClient, LinearRetry

from inventory.core.errors import StorageUnavailable, WatermarkConflict
from inventory.core.settings import Settings
from sync.planning.window import Watermark, decode_watermark

_TIMEOUT_SECONDS = 15  # of one attempt, at the service


def _timeouts() -> dict[str, Any]:
    """Timeouts and retries of the client. Its defaults need more than a minute to detect an outage."""
    return {
        "connection_timeout": 5,
        "read_timeout": _TIMEOUT_SECONDS,
        "retry_policy": LinearRetry(backoff=2, retry_total=3, random_jitter_range=1),
    }


class BlobWatermarkStore:
    """One blob, written with `If-Match` (or `If-None-Match: *` for the first one)."""

    def __init__(self, blob: BlobClient) -> None:
        self._blob = blob

    async def read(self) -> tuple[Watermark, str] | None:
        """Read the watermark and its ETag; None if there is no blob yet."""
        try:
            stream = await self._blob.download_blob(timeout=_TIMEOUT_SECONDS)
            content = await stream.readall()
        except ResourceNotFoundError:
            return None
        except (AzureError, OSError) as error:
            raise StorageUnavailable from error
        return decode_watermark(content), str(stream.properties.etag)

    async def write(self, watermark: Watermark, version: str | None) -> None:
        """Replace the watermark if it still has this version; see `sync.ports.WatermarkStore`."""
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
async def open_blob_store(
    settings: Settings, credential: AsyncTokenCredential | None
) -> AsyncIterator[BlobWatermarkStore]:
    """Open the store in the account of the settings, by managed identity or by connection string."""
    async with _service(settings, credential) as service:
        yield BlobWatermarkStore(service.get_blob_client(settings.watermark.container, f"{settings.sync.feed}.json"))


async def write_probe(settings: Settings, credential: AsyncTokenCredential | None) -> None:
    """Write a blob beside the watermark, and remove it.

    Raises:
        StorageUnavailable: the storage does not answer, the container does not exist, or the identity may not write.
    """
    async with _service(settings, credential) as service:
        blob = service.get_blob_client(settings.watermark.container, f"{settings.sync.feed}.probe")
        try:
            await blob.upload_blob(b"", overwrite=True, timeout=_TIMEOUT_SECONDS)
            await blob.delete_blob(timeout=_TIMEOUT_SECONDS)
        except (AzureError, OSError) as error:
            raise StorageUnavailable from error


def _service(settings: Settings, credential: AsyncTokenCredential | None) -> BlobServiceClient:
    if settings.watermark.account_url is not None and credential is not None:
        return BlobServiceClient(settings.watermark.account_url, credential, **_timeouts())
    return BlobServiceClient.from_connection_string(settings.watermark.need("connection_string"), **_timeouts())
