"""Live view of the log files of all processes."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

_POLL_SECONDS = 0.2


async def follow(directory: Path, show: Callable[[str], None]) -> NoReturn:
    """Print every line that is added to a log in the directory, after the name of the log."""
    places: dict[Path, int] = {}
    while True:
        _show_new(directory, places, show)
        await asyncio.sleep(_POLL_SECONDS)


def _show_new(directory: Path, places: dict[Path, int], show: Callable[[str], None]) -> None:
    for path in sorted(directory.glob("*.log")):
        with path.open("rb") as file:
            file.seek(places.get(path, 0))
            new = file.read()
        whole, end, _ = new.rpartition(b"\n")  # a line that is not complete is read later
        places[path] = places.get(path, 0) + len(whole) + len(end)
        for line in whole.decode(errors="replace").splitlines():
            show(f"{path.stem:<12} {line}")
