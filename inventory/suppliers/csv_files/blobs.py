"""Source in Azure Storage: committed blobs of a container below a prefix."""

import ipaddress
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote, urlsplit

from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError
from azure.storage.blob.aio import ContainerClient, LinearRetry

from inventory.core.errors import FeedDamaged, SupplierRefused, SupplierUnavailable
from inventory.suppliers.csv_files.folder import digest_of
from inventory.suppliers.csv_files.selection import ListedFile

if TYPE_CHECKING:
    from azure.core.credentials import AzureNamedKeyCredential
    from azure.core.credentials_async import AsyncTokenCredential

_TIMEOUT_SECONDS = 60  # of one attempt, at the service
_MAX_BLOBS = 10_000
_REFUSALS = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


class BlobAddress(NamedTuple):
    """`prefix` ends with a slash, or is empty."""

    account: str
    container: str
    prefix: str


def parse_address(url: str) -> BlobAddress:
    """Split https://ACCOUNT.blob.core.windows.net/CONTAINER/PREFIX. The path of an emulator starts with the account.

    Raises:
        ValueError: the address has no container.
    """
    parts = urlsplit(url)
    names = [unquote(name) for name in parts.path.split("/") if name]
    account = f"{parts.scheme}://{parts.netloc}"
    if _is_emulator(parts.hostname or "") and names:
        account = f"{account}/{names.pop(0)}"
    if not names:
        raise ValueError(f"{url} has no container. Example: https://ACCOUNT.blob.core.windows.net/CONTAINER/PREFIX")
    return BlobAddress(account, names[0], "".join(f"{name}/" for name in names[1:]))


def _is_emulator(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or "." not in host
    return True


class Blobs:
    """Blobs of a container directly below a prefix. A blob is visible when it is committed, so it is always complete."""

    def __init__(self, container: ContainerClient, address: BlobAddress) -> None:
        self._container = container
        self._address = address

    def describe(self) -> str:
        """Describe the source for operators."""
        return f"the container {self._address.account}/{self._address.container}, prefix {self._address.prefix or '(none)'}"

    async def list_files(self) -> Sequence[ListedFile]:
        """List the blobs.

        Raises:
            SupplierUnavailable: the storage does not answer, or has too many blobs below the prefix.
            SupplierRefused: the storage rejects the identity.
        """
        found: list[ListedFile] = []
        try:
            async for blob in self._container.list_blobs(
                name_starts_with=self._address.prefix or None, timeout=_TIMEOUT_SECONDS
            ):
                name = str(blob.name).removeprefix(self._address.prefix)
                if "/" not in name and name:
                    found.append(
                        ListedFile(name=name, size=blob.size, modified=blob.last_modified, version=str(blob.etag))
                    )
                if len(found) > _MAX_BLOBS:
                    raise SupplierUnavailable(
                        f"{self.describe()}: there are more than {_MAX_BLOBS:,} blobs. Remove or archive old price lists."
                    )
        except (AzureError, OSError) as error:
            raise self._error(error) from error
        return found

    async def fetch(self, name: str, target: Path) -> str:
        """Download a blob and return the digest of its content.

        Raises:
            FeedDamaged: the blob does not exist any more.
            SupplierUnavailable: the storage does not answer.
        """
        try:
            stream = await self._container.download_blob(self._address.prefix + name, timeout=_TIMEOUT_SECONDS)
            with target.open("wb") as copy:
                async for chunk in stream.chunks():
                    copy.write(chunk)
        except ResourceNotFoundError:
            raise FeedDamaged(
                f"{name}: the blob is no longer in {self.describe()}. A later run reads the blobs there."
            ) from None
        except (AzureError, OSError) as error:
            raise self._error(error) from error
        return digest_of(target)

    def _error(self, error: Exception) -> Exception:
        if isinstance(error, HttpResponseError) and error.status_code in _REFUSALS:
            return SupplierRefused(
                f"{self.describe()}: the storage rejects the identity. Assign Storage Blob Data Reader."
            )
        if isinstance(error, ResourceNotFoundError):
            return SupplierRefused(f"{self.describe()}: the container does not exist. Check the address of the source.")
        return SupplierUnavailable(f"{self.describe()}: the storage does not answer ({type(error).__name__}).")


@asynccontextmanager
async def open_blobs(
    url: str, credential: "AsyncTokenCredential | AzureNamedKeyCredential | None"
) -> AsyncIterator[Blobs]:
    """Open a container by its address."""
    address = parse_address(url)
    options: dict[str, Any] = {
        "connection_timeout": 5,
        "read_timeout": _TIMEOUT_SECONDS,
        "retry_policy": LinearRetry(backoff=2, retry_total=3, random_jitter_range=1),
    }
    async with ContainerClient(address.account, address.container, credential, **options) as container:
        yield Blobs(container, address)
