"""Document manifests: files of documents to register, read and validated before anything is stored."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from app.graphql.execution.document_cache import DocumentCache, InvalidDocument
from app.graphql.execution.persisted_documents import document_id
from app.graphql.schema import schema
from inventory.core.errors import ValidationFailed


class ManifestEntry(msgspec.Struct, frozen=True):
    """A valid document with its name: its file, and its id in a file of several documents."""

    name: str
    text: str


def read_file(path: Path) -> Sequence[ManifestEntry]:
    """Read the documents of a file: a `.json` manifest from SHA-256 to text, or a file with one document.

    Raises:
        ValidationFailed: by file, what is wrong.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeError) as error:
        raise ValidationFailed({str(path): f"can't be read: {error}"}) from None
    if path.suffix != ".json":
        _check(str(path), text)
        return [ManifestEntry(str(path), text)]
    try:
        listed = msgspec.json.decode(text, type=dict[str, str])
    except msgspec.MsgspecError as error:
        raise ValidationFailed({str(path): f"is no object from ids to documents: {error}"}) from None
    for key, one in listed.items():
        if key.removeprefix("sha256:").lower() != document_id(one):
            raise ValidationFailed({str(path): f"{key} is not the SHA-256 of its document"})
        _check(f"{path} {key}", one)
    return [ManifestEntry(f"{path} {key}", one) for key, one in listed.items()]


def _check(name: str, text: str) -> None:
    try:
        DocumentCache(schema._schema, suggestions=True).read(text)  # noqa: SLF001 - has no public name
    except InvalidDocument as error:
        raise ValidationFailed({name: "; ".join(problem.message for problem in error.errors)}) from None
