"""Build fingerprint: builds with different code have different fingerprints."""

import hashlib
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable


@cache
def fingerprint() -> str:
    """Return a SHA-256 digest of the application's files, equal in every process of a build."""
    digest = hashlib.sha256()
    _add(digest, files("app"))
    return digest.hexdigest()


def _add(digest: "hashlib._Hash", place: Traversable) -> None:
    for entry in sorted(place.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            _add(digest, entry)
        elif entry.name.endswith((".py", ".sql")):
            digest.update(entry.name.encode() + entry.read_bytes())
