"""Docker files: checked without a Docker engine against the project's settings and files."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from inventory.core.settings import Settings
from sandbox.supplier.server import DEFAULT_ACCOUNT
from tests.delivery.installed import SOURCE
from tests.foreign.npm import run_node

DOCKER = SOURCE / "docker"
COMPOSE = DOCKER / "compose.yaml"
SERVICES = {
    "api": "python -m app serve",
    "worker": "python -m sync worker",
    "consolidator": "python -m sync consolidator",
    "jobs": "python -m sync jobs",
    "scheduler": "python -m sync schedule",
}


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    services: dict[str, Any] = yaml.safe_load(COMPOSE.read_text("utf-8"))["services"]
    return services


def stages() -> dict[str, tuple[str, list[str]]]:
    """The stages of the Dockerfile in order: base image and instructions."""
    text = (DOCKER / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
    found: dict[str, tuple[str, list[str]]] = {}
    for line in text.splitlines():
        if begun := re.fullmatch(r"FROM (\S+) AS (\S+)", line):
            found[begun[2]] = (begun[1], [])
        elif found and line and not line.startswith("#"):
            found[list(found)[-1]][1].append(line)
    return found


def instructions(stage: str) -> list[str]:
    """All instructions of a stage, from its base image."""
    begun, own = stages()[stage]
    return [*(instructions(begun) if begun in stages() else []), *own]


async def test_compose_file_is_valid_for_specification() -> None:
    assert json.loads(await run_node("compose-spec", "validate.js", {"FILE": str(COMPOSE)})) == []


def test_five_services_run_one_image_read_only_without_privileges(services: dict[str, Any]) -> None:
    assert {name: " ".join(services[name]["command"]) for name in SERVICES} == SERVICES
    assert {services[name]["image"] for name in SERVICES} == {"diamond-inventory:local"}
    for name in (*SERVICES, "migrate", "watermarks", "supplier"):
        assert services[name]["read_only"] is True
        assert services[name]["cap_drop"] == ["ALL"]
        assert "user" not in services[name]
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert published == {"api": ["127.0.0.1:3000:3000"]}


def test_services_have_existing_and_valid_settings(services: dict[str, Any]) -> None:
    for name in SERVICES:
        environment = services[name]["environment"]
        assert set(environment) <= {variable.name for variable in Settings.variables()}
        settings = Settings.read(**{key.lower(): value for key, value in environment.items()})
        assert (settings.nivoda.username, settings.nivoda.need("password")) == (
            DEFAULT_ACCOUNT.username,
            DEFAULT_ACCOUNT.password,
        )


def test_emulator_has_project_queues() -> None:
    config = json.loads((DOCKER / "service-bus" / "config.json").read_text("utf-8"))
    (namespace,) = config["UserConfig"]["Namespaces"]
    settings = Settings.read()
    names = set(settings.service_bus.queues)
    assert {queue["Name"] for queue in namespace["Queues"]} == names
    deliveries = {queue["Properties"]["MaxDeliveryCount"] for queue in namespace["Queues"]}
    assert deliveries == {settings.service_bus.queue_max_delivery_count}


def test_pushed_image_is_last_stage_without_sandbox_and_compiler() -> None:
    final = list(stages())[-1]
    assert final == "inventory"
    made = instructions(final)
    assert not [line for line in made if "sandbox" in line or "apk add" in line]
    copied = [line for line in made if line.startswith(("COPY", "ADD"))]
    assert all(line.startswith("COPY --from=build ") for line in copied)
    assert [line for line in made if line.startswith("USER")] == ["USER 10001:10001"]


def test_image_compiles_standard_library_before_files_become_read_only() -> None:
    made = instructions("runtime")
    assert any("compileall" in line and "/usr/local/lib/python3.*" in line for line in made if line.startswith("RUN"))
    assert "PYTHONDONTWRITEBYTECODE=1" in next(line for line in made if line.startswith("ENV"))


def test_dependency_without_wheel_fails_build() -> None:
    (line,) = (line for line in instructions("build") if "requirements.txt" in line and "pip install" in line)
    assert "--only-binary :all:" in line
    assert "--require-hashes" in line


def test_build_context_contains_exactly_copied_files() -> None:
    seen = {line[1:] for line in (SOURCE / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")}
    copied = {
        source
        for stage in stages()
        for line in stages()[stage][1]
        if line.startswith("COPY ") and "--from" not in line
        for source in line.split()[1:-1]
    }
    assert copied == seen
    assert all(Path(SOURCE, name).exists() for name in seen)
