"""Which store keeps the watermark: a directory, or Azure Storage."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

from inventory.core.settings import Settings, SettingsError
from sync.ports import WatermarkStore
from sync.watermark.file import FileWatermarkStore

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential


@asynccontextmanager
async def open_watermark_store(
    settings: Settings, credential: "AsyncTokenCredential | None" = None
) -> AsyncIterator[WatermarkStore]:
    """The store that the settings name. `credential` opens Azure Storage where no connection string does.

    Raises:
        SettingsError: they name none, or a directory that nothing can be written to.
    """
    if settings.watermark_directory is not None:
        yield FileWatermarkStore(usable_directory(settings.watermark_directory), settings.sync_feed)
        return
    # Imported where it is used: Azure's libraries cost every start half a second that one machine needn't pay.
    from sync.watermark.blob import open_blob_store  # noqa: PLC0415

    async with open_blob_store(settings, credential) as store:
        yield store


def usable_directory(path: str) -> Path:
    """The directory of the watermarks, made where there is none yet.

    That nothing can be written there is found out before a run, not after hours, with the watermark that it has earned.

    Raises:
        SettingsError: it can't be made or written to.
    """
    directory = Path(path)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=directory):
            return directory
    except OSError as error:
        raise SettingsError(
            f"WATERMARK_DIRECTORY: nothing can be written to {path} ({error.strerror}). "
            "Example: WATERMARK_DIRECTORY=./watermarks"
        ) from None
