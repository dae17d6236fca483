"""Shows what all processes of an installation log, as they log it."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

_LOOK_SECONDS = 0.2


async def follow(directory: Path, say: Callable[[str], None]) -> NoReturn:
    """Say every line that is added to a log in the directory, with the log's name before it."""
    places: dict[Path, int] = {}
    while True:
        _show_new(directory, places, say)
        await asyncio.sleep(_LOOK_SECONDS)


def _show_new(directory: Path, places: dict[Path, int], say: Callable[[str], None]) -> None:
    for path in sorted(directory.glob("*.log")):
        with path.open("rb") as file:
            file.seek(places.get(path, 0))
            new = file.read()
        whole, end, _ = new.rpartition(b"\n")  # a line that is still being written waits for its end
        places[path] = places.get(path, 0) + len(whole) + len(end)
        for line in whole.decode(errors="replace").splitlines():
            say(f"{path.stem:<12} {line}")
