"""Rollout: migration first, then all services, and a rollback if the API does not start."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from tests.delivery.azure import TOKEN_URL, State
from tests.delivery.installed import SOURCE

ROLLOUT = SOURCE / "infra" / "rollout"
FIRST, OLD, NEW = (f"registry.azurecr.io/diamond-inventory@sha256:{digit * 64}" for digit in "abc")
SERVICES = ("worker", "consolidator", "jobs", "api")
JOBS = ("scheduler", "jobs-once")
# Variables that GitHub sets in a job with id-token permission, and those of the workflows.
GITHUB = {
    "ACTIONS_ID_TOKEN_REQUEST_URL": TOKEN_URL, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "request-token",
    "AZURE_CLIENT_ID": "client", "AZURE_TENANT_ID": "tenant", "AZURE_SUBSCRIPTION_ID": "subscription",
}  # fmt: skip


class FakeAzure:
    """An environment of the fake Azure CLI, and the rollout in it."""

    def __init__(self, directory: Path, state: State) -> None:
        self._directory = directory
        self._file = directory / "state.json"
        self._file.write_bytes(msgspec.json.encode(state))
        for program in ("az", "curl"):
            path = directory / program
            path.write_text(
                f'#!/bin/sh\ncd {SOURCE} && exec {sys.executable} -m tests.delivery.azure {self._file} {program} "$@"\n'
            )
            path.chmod(0o755)

    def roll_out(self, *arguments: str, **environment: str) -> tuple[int, str]:
        """Its exit code and its last line."""
        done = subprocess.run(  # noqa: S603 - our own program
            [ROLLOUT, *arguments],
            env={
                "PATH": f"{self._directory}:{os.environ['PATH']}",
                "LOOK_SECONDS": "0", "MIGRATE_LOOKS": "2", "READY_LOOKS": "2",
                **environment,
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )  # fmt: skip
        return done.returncode, done.stderr.strip().splitlines()[-1].removeprefix("rollout: ")

    @property
    def state(self) -> State:
        return msgspec.json.decode(self._file.read_bytes(), type=State)

    @property
    def images(self) -> set[str]:
        """Images of the services and jobs, without the migration job."""
        state = self.state
        return {*state.apps.values(), *(image for name, image in state.jobs.items() if name != "migrate")}


def moves(image: str) -> list[str]:
    return [f"{name} {image}" for name in (*SERVICES, *JOBS)]


def test_database_is_migrated_with_new_image_before_services_move(tmp_path: Path) -> None:
    azure = FakeAzure(tmp_path, State.create(OLD))
    assert azure.roll_out("diamonds", NEW) == (0, f"done: {NEW} (before: {OLD})")
    assert azure.state.done == [f"migrate {NEW}", f"start migrate {NEW}", *moves(NEW)]
    assert azure.images == {NEW}


@pytest.mark.parametrize("status", ["Failed", "Stopped", "Running"])
def test_nothing_moves_when_migration_fails(tmp_path: Path, status: str) -> None:
    state = State.create(OLD)
    state.migration = status
    azure = FakeAzure(tmp_path, state)
    assert azure.roll_out("diamonds", NEW) == (1, f"the database was not migrated; every service is still at {OLD}")
    assert azure.images == {OLD}


@pytest.mark.parametrize("what", ["never_ready", "never_taken_over", "open_to_all"])
def test_image_with_failing_api_is_rolled_back(tmp_path: Path, what: str) -> None:
    state = State.create(OLD)
    setattr(state, what, [NEW])
    azure = FakeAzure(tmp_path, state)
    assert azure.roll_out("diamonds", NEW) == (1, f"every service is at {OLD} again")
    assert azure.images == {OLD}


@pytest.mark.parametrize("failing", ["containerapp update jobs", "containerapp job update scheduler"])
def test_interrupted_rollout_is_rolled_back(tmp_path: Path, failing: str) -> None:
    state = State.create(OLD)
    state.fails = [f"{failing} {NEW}"]
    azure = FakeAzure(tmp_path, state)
    assert azure.roll_out("diamonds", NEW) == (1, f"every service is at {OLD} again")
    assert azure.images == {OLD}


def test_missing_previous_image_is_reported(tmp_path: Path) -> None:
    state = State.create(OLD)
    state.never_ready = [OLD, NEW]
    azure = FakeAzure(tmp_path, state)
    assert azure.roll_out("diamonds", NEW) == (3, f"NOT put back to {OLD}: see docs/how-to/runbook.md")


def test_rollback_restores_previous_image_and_keeps_database(tmp_path: Path) -> None:
    azure = FakeAzure(tmp_path, State.create(OLD, earlier=[NEW, FIRST, OLD]))
    assert azure.roll_out("diamonds", "--back") == (0, f"done: {FIRST} (before: {OLD})")
    assert azure.state.done == moves(FIRST)


def test_rollback_from_first_image_is_rejected(tmp_path: Path) -> None:
    azure = FakeAzure(tmp_path, State.create(OLD))
    assert azure.roll_out("diamonds", "--back") == (1, f"there is no image before {OLD}; nothing was touched")
    assert azure.state.done == []


@pytest.mark.parametrize("arguments", [("diamonds",), ("diamonds", "registry.azurecr.io/diamond-inventory:latest")])
def test_image_without_digest_is_rejected(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    azure = FakeAzure(tmp_path, State.create(OLD))
    code, _ = azure.roll_out(*arguments)
    assert code == 2
    assert azure.state.done == []


@pytest.mark.parametrize("version", ["2.60.0", "2.9.1", "2.71.1"])
def test_rollout_rejects_cli_that_drops_identity_of_scale_rules(tmp_path: Path, version: str) -> None:
    state = State.create(OLD)
    state.version = version
    azure = FakeAzure(tmp_path, state)
    code, last = azure.roll_out("diamonds", NEW)
    assert code == 1
    assert f"Azure CLI {version} is older than 2.72.0" in last
    assert azure.state.done == []


def test_rollout_fails_when_update_drops_identity_of_scale_rule(tmp_path: Path) -> None:
    state = State.create(OLD)
    state.drops_identity = [NEW]
    azure = FakeAzure(tmp_path, state)
    assert azure.roll_out("diamonds", NEW) == (3, f"NOT put back to {OLD}: see docs/how-to/runbook.md")
    # It stopped at the first service, whose old image was restored. The others were never updated.
    assert azure.images == {OLD}
    assert azure.state.identities == {
        "worker": None,
        "consolidator": "/identities/scaler",
        "jobs": "/identities/scaler",
    }


def test_rollout_signs_in_again_after_migration_before_services_move(tmp_path: Path) -> None:
    state = State.create(OLD)
    state.tokens = ["second"]
    azure = FakeAzure(tmp_path, state)
    assert azure.roll_out("diamonds", NEW, **GITHUB)[0] == 0
    signed_in = ["login client tenant second", "subscription subscription"]
    assert azure.state.done == [f"migrate {NEW}", f"start migrate {NEW}", *signed_in, *moves(NEW)]


def test_rollout_signs_in_again_during_long_migration(tmp_path: Path) -> None:
    state = State.create(OLD)
    state.migration = "Running"
    state.tokens = ["second", "third"]
    azure = FakeAzure(tmp_path, state)
    assert azure.roll_out("diamonds", NEW, **GITHUB, SIGN_IN_SECONDS="0")[0] == 1
    assert [entry for entry in azure.state.done if entry.startswith("login")] == [
        "login client tenant second", "login client tenant third",
    ]  # fmt: skip


def test_nothing_moves_when_second_sign_in_fails(tmp_path: Path) -> None:
    azure = FakeAzure(tmp_path, State.create(OLD))
    code, last = azure.roll_out("diamonds", NEW, **GITHUB)
    assert (code, last) == (1, f"the database is migrated, but the sign-in failed; every service is still at {OLD}")
    assert azure.images == {OLD}


@pytest.mark.parametrize("path", sorted((SOURCE / ".github" / "workflows").glob("*.yml")), ids=lambda path: path.name)
def test_workflows_provide_variables_of_second_sign_in(path: Path) -> None:
    text = path.read_text("utf-8")
    if "infra/rollout" in text:
        assert "id-token: write" in text
        for name in ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_SUBSCRIPTION_ID"):
            assert f"{name}: ${{{{ vars.{name} }}}}" in text
