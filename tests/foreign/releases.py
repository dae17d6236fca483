"""Released files: the newest tag `v*`, and files at that tag, also in a shallow clone."""

import subprocess
from pathlib import Path

_SECONDS = 60


def newest_release(repository: Path) -> str | None:
    """The newest release tag, fetched from `origin` if the clone has none. None before the first release.

    Raises:
        subprocess.SubprocessError: `origin` cannot be reached.
    """
    found = _tags(_git(repository, "tag", "--list", "v*"))
    if not found and "origin" in _git(repository, "remote").split():
        listed = _git(repository, "ls-remote", "--tags", "--refs", "origin", "v*")
        found = _tags(listed.replace("refs/tags/", ""))
        if found:
            reference = f"refs/tags/{found[-1]}"
            _git(repository, "fetch", "--quiet", "--depth=1", "--no-tags", "origin", f"{reference}:{reference}")
    return found[-1] if found else None


def file_of(repository: Path, tag: str, path: str) -> str:
    """A file of the release."""
    return _git(repository, "show", f"{tag}:{path}")


def _tags(listed: str) -> list[str]:
    """The tags at the ends of lines, newest last. Pre-releases (`v1.0.0-rc1`) are excluded."""
    names = [line.split()[-1] for line in listed.splitlines()]
    return sorted((name for name in names if name[1:].replace(".", "").isdigit()), key=_version)


def _version(tag: str) -> list[int]:
    return [int(part) for part in tag[1:].split(".")]


def _git(repository: Path, *arguments: str) -> str:
    command = ["git", "-C", str(repository), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=True).stdout  # noqa: S603 - ours
