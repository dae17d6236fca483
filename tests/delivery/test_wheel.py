"""Delivered wheel: runs without the source tree, and as in a container."""

import os
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from re import search

import msgspec
import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import parse_wheel_filename

from sandbox.stack.process import Process
from sandbox.stack.programs import SupplierOptions
from sandbox.stack.scratch import scratch_directory
from sandbox.stack.stack import Stack
from tests.delivery.installed import SOURCE, Installed, build_wheel, install, runtime_requirements
from tests.delivery.services import PERMANENT_SERVICES, Services

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(600)]

STONES = 3000
_NOBODY = 65534
_READY_SECONDS = 60.0
_ROOT = os.geteuid() == 0 and sys.platform == "linux"

_PROBE = """
import json, os, pathlib, sys

def writable(path):
    try:
        pathlib.Path(path, "probe").write_text("")
        return True
    except OSError:
        return False

def importable(name):
    try:
        __import__(name)
        return True
    except ImportError:
        return False

places = ["/", "/usr", "/etc", os.getcwd(), sys.prefix, sys.base_prefix]
print(json.dumps({
    "user": os.getuid(), "groups": os.getgroups(), "here": os.listdir(),
    "read_only": [place for place in places if os.statvfs(place).f_flag & os.ST_RDONLY],
    "written": [place for place in places if writable(place)],
    "imported": [name for name in ("app", "sync", "inventory", "sandbox", "tests") if importable(name)],
    "source": os.path.exists(sys.argv[1]),
}))
"""


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    with scratch_directory() as path:
        yield path


@pytest.fixture(scope="module")
def installed(directory: Path) -> Installed:
    return install(directory, jailed=_ROOT)


def test_wheel_contains_product_with_migrations_without_sandbox_and_tests(tmp_path: Path) -> None:
    names = set(zipfile.ZipFile(build_wheel(tmp_path)).namelist())
    packages = {name.split("/")[0] for name in names}
    assert {name for name in packages if not name.endswith(".dist-info")} == {"app", "sync", "inventory"}
    delivered = {
        name.removeprefix("inventory/core/migrations/") for name in names if "inventory/core/migrations/" in name
    }
    written = {str(path.relative_to(SOURCE / "migrations")) for path in (SOURCE / "migrations").rglob("*.py*")}
    assert delivered >= {name for name in written if "__pycache__" not in name}
    kinds = {".sql", ".lua", ".html", ".css", ".js"}
    beside = {
        str(path.relative_to(SOURCE))
        for package in ("app", "sync", "inventory")
        for path in (SOURCE / package).rglob("*")
    }
    # npm's files there are for development only.
    assert names >= {name for name in beside if Path(name).suffix in kinds and "node_modules" not in name}
    assert not any("node_modules" in name for name in names)


def musl_tags(python: tuple[int, int], machine: str) -> set[Tag]:
    """Wheel tags that Alpine's Python supports on this machine."""
    platforms = [f"musllinux_1_{minor}_{machine}" for minor in (2, 1, 0)]
    abi = f"cp{python[0]}{python[1]}"
    return {*cpython_tags(python, [abi], platforms), *compatible_tags(python, abi, platforms)}


def without_wheel(python: tuple[int, int], machine: str) -> list[str]:
    """Production requirements that Alpine would have to compile."""
    lock = tomllib.loads((SOURCE / "uv.lock").read_text("utf-8"))
    wheels = {
        (package["name"], package["version"]): [wheel["url"].rpartition("/")[2] for wheel in package.get("wheels", ())]
        for package in lock["package"]
    }
    surroundings = {
        "sys_platform": "linux", "platform_machine": machine, "platform_system": "Linux", "os_name": "posix",
        "python_version": f"{python[0]}.{python[1]}", "python_full_version": f"{python[0]}.{python[1]}.0",
        "implementation_name": "cpython", "platform_python_implementation": "CPython", "extra": "",
    }  # fmt: skip
    tags = musl_tags(python, machine)
    missing = []
    for line in runtime_requirements().splitlines():
        if line.startswith((" ", "#")) or not line.strip():
            continue
        wanted = Requirement(line.rstrip("\\ "))
        if wanted.marker is not None and not Marker(str(wanted.marker)).evaluate(surroundings):
            continue
        (version,) = (each.version for each in wanted.specifier)
        if not any(parse_wheel_filename(file)[3] & tags for file in wheels[wanted.name, version]):
            missing.append(f"{wanted.name} {version}")
    return missing


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_every_locked_dependency_has_wheel_for_alpine(machine: str) -> None:
    image = search(r"python:(\d+)\.(\d+)-alpine", (SOURCE / "docker" / "Dockerfile").read_text("utf-8"))
    assert image is not None
    assert without_wheel((int(image[1]), int(image[2])), machine) == []


@pytest.mark.skipif(not _ROOT, reason="only root on Linux can make a root of its own, read-only, and become nobody")
async def test_jail_of_services_matches_container(installed: Installed, tmp_path: Path) -> None:
    log = tmp_path / "probe.log"
    probe = installed.process("probe", ("-c", _PROBE, str(SOURCE)), log, {})
    probe.start()
    await probe.finish(timeout_seconds=_READY_SECONDS)
    assert msgspec.json.decode(log.read_bytes()) == {
        "user": _NOBODY,
        "groups": [],
        "here": [],
        "read_only": ["/", "/usr", "/etc", "/empty", str(installed.environment), sys.base_prefix],
        "written": [],
        "imported": ["app", "sync", "inventory"],
        "source": False,
    }


async def test_services_run_from_wheel_by_environment_and_finish_run(installed: Installed, tmp_path: Path) -> None:
    """As root: as the user nobody, on a read-only file system with one volume, for the local emulator of Azure Storage."""
    volume = {"WATERMARK_DIRECTORY": str(installed.volume)}
    async with Stack({"PATH": os.environ["PATH"], **volume}, supplier=SupplierOptions(stones=STONES)) as stack:
        services = Services(stack, installed.process, tmp_path, volume)
        await services.migrate()
        services.start_services()
        try:
            await services.ready()
            assert await services.sync() == "completed"
            expected = await services.expected()
            assert len(expected) > STONES * 0.9
            assert await services.served() == expected
            # Each service ran to the end, under its intended account.
            users = {user_of(service) for service in services.staying}
            assert users == {_NOBODY if installed.jailed else os.getuid()}
        finally:
            codes = await services.stop()
        assert codes == dict.fromkeys(PERMANENT_SERVICES, 0)


def user_of(service: Process) -> int:
    """The account of a running service."""
    assert service.running, service.last_lines()
    return Path(f"/proc/{service.pid}").stat().st_uid
