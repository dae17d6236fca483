"""npm packages for tests: installed once from a lock file, outside the source tree's own files."""

import asyncio
import fcntl
import hashlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

_FOREIGN = Path(__file__).parent
_CACHE = _FOREIGN.parents[1] / ".local" / "npm"
_SECONDS = 100


async def run_node(package: str | Path, script: str, environment: Mapping[str, str], seconds: float = _SECONDS) -> str:
    """The output of a script of `tests/foreign/<package>`, or of another directory. Without Node the test is skipped."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        pytest.skip("node and npm are not installed")
    place = await asyncio.to_thread(_place, package)
    with (place / "installing").open("w") as lock:
        # Tests run in several processes.
        await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
        if not (place / "node_modules" / ".package-lock.json").exists():
            await _run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], place, {})
    return await _run([node, script], place, environment, seconds)


def _place(package: str | Path) -> Path:
    source = _FOREIGN / package
    files = sorted(path for path in source.iterdir() if path.is_file())
    version = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]
    place = _CACHE / f"{Path(package).name}-{version}"
    place.mkdir(parents=True, exist_ok=True)
    for path in files:
        shutil.copyfile(path, place / path.name)
    return place


async def _run(command: list[str], place: Path, environment: Mapping[str, str], seconds: float = _SECONDS) -> str:
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=place,
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(seconds):
            out, err = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    assert process.returncode == 0, f"{' '.join(command)}: {err.decode()}"
    return out.decode()
