"""Selection of the watermark store: a directory, or Azure Storage."""

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
    """Open the store of the settings. `credential` is used for Azure Storage without a connection string.

    Raises:
        SettingsError: no store is set, or the directory is not writable.
    """
    if settings.watermark.directory is not None:
        yield FileWatermarkStore(usable_directory(settings.watermark.directory), settings.sync.feed)
        return
    # Imported late: Azure's libraries cost half a second at start, which an installation with a directory avoids.
    from sync.watermark.blob import open_blob_store  # noqa: PLC0415

    async with open_blob_store(settings, credential) as store:
        yield store


async def probe_storage(settings: Settings, credential: "AsyncTokenCredential | None" = None) -> str:
    """Check that the storage of the settings can be written, and return what it is.

    Raises:
        SettingsError: no store is set, or the directory is not writable.
        StorageUnavailable: the storage does not answer, or refuses.
    """
    if settings.watermark.directory is not None:
        return f"the directory {usable_directory(settings.watermark.directory)}"
    from sync.watermark.blob import write_probe  # noqa: PLC0415

    await write_probe(settings, credential)
    return f"the container {settings.watermark.container}"


def usable_directory(path: str) -> Path:
    """Create the watermark directory if needed and check that it is writable.

    The check runs before a run, so that its watermark is not lost at its end.

    Raises:
        SettingsError: the directory cannot be created or is not writable.
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
