"""Settings of the watermark storage."""

from typing import Annotated

from inventory.core.settings.addresses import HttpUrl, StorageConnection
from inventory.core.settings.section import ServerSection, setting


class WatermarkSettings(ServerSection, title="Watermark", prefix="WATERMARK_"):
    """Address and container of the watermarks."""

    connection_string: Annotated[
        StorageConnection | None,
        setting(
            "Connection string; or set AZURE_STORAGE_ACCOUNT_URL to use a managed identity.",
            variable="AZURE_STORAGE_CONNECTION_STRING",
            example="DefaultEndpointsProtocol=https;AccountName=example;AccountKey=...;EndpointSuffix=core.windows.net",
        ),
    ] = None
    account_url: Annotated[
        HttpUrl | None,
        setting(
            "Account reached with a managed identity.",
            variable="AZURE_STORAGE_ACCOUNT_URL",
            example="https://x.blob.core.windows.net",
        ),
    ] = None
    container: Annotated[str, setting("Blob container of the watermarks.")] = "watermarks"
    directory: Annotated[
        str | None,
        setting("A local directory instead of Azure Storage, for one machine.", example="./watermarks"),
    ] = None
