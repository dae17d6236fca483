"""Which store keeps the watermark: a directory, or Azure Storage."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from app.core.settings import Settings
from sync.adapters.watermark_file import FileWatermarkStore
from sync.ports import WatermarkStore


@asynccontextmanager
async def open_watermark_store(settings: Settings) -> AsyncIterator[WatermarkStore]:
    """The store that the settings name."""
    if settings.watermark_directory is not None:
        yield FileWatermarkStore(Path(settings.watermark_directory), settings.sync_feed)
        return
    # Imported where it is used: Azure's libraries cost every start half a second that one machine needn't pay.
    from sync.adapters.watermark_blob import open_blob_store  # noqa: PLC0415

    async with open_blob_store(settings) as store:
        yield store
