"""Imports of the processes: what the start of a role and of the API must not load, and that it can be loaded later."""

import os
import subprocess
import sys

import pytest

# Each took tens of milliseconds of every start.
OPTIONAL = {
    "aiohttp", "alembic", "azure.identity", "azure.servicebus.management._management_client", "azure.storage",
    "cryptography.x509", "jwt.api_jwt", "numpy.linalg", "pydantic", "pygments", "requests", "rich", "sqlalchemy", "typer",
    "urllib3",
}  # fmt: skip
# The pipeline needs them with its first request to the supplier, or in the jobs.
OF_THE_API = {"arq", "graphql.type", "starlette", "strawberry"}


def loaded_by(program: str) -> set[str]:
    """Modules after a program, in a fresh interpreter."""
    command = f"{program}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, env=os.environ, check=True)  # noqa: S603
    return set(done.stdout.split())


# aiohttp and numpy are lazy: their names are there, and their parts are not.
def executed(modules: set[str]) -> set[str]:
    return {name for name in modules if name not in {"aiohttp", "jwt", "numpy", "graphql"}} | (
        {"aiohttp"} if "aiohttp.client" in modules else set()
    )


def test_roles_import_no_library_of_other_commands() -> None:
    assert executed(loaded_by("import sync.cli.roles, sync.cli.scheduling")).isdisjoint(OPTIONAL | OF_THE_API)


def test_api_imports_no_library_of_other_commands() -> None:
    assert executed(loaded_by("import app.serve")).isdisjoint(OPTIONAL)


@pytest.mark.parametrize(
    "use",
    [
        "import redis.auth.token; assert redis.auth.token.jwt.decode",
        "import jwt; assert jwt.decode",
        "from azure.servicebus.management import ServiceBusAdministrationClient as it; assert it.create_queue",
        "from azure.servicebus.management._generated import ServiceBusManagementClient as it; assert it",
        "import rich.traceback; assert rich.traceback.Traceback",
        "from inventory.suppliers.nivoda.http_session import aiohttp; assert aiohttp.ClientSession",
        "from inventory.suppliers.nivoda.negotiation import graphql; assert graphql.parse('{ a }')",
        "from inventory.catalog.index.columns import np; assert np.zeros(1, 'int8').dtype == np.int8",
    ],
)
def test_left_out_modules_can_be_imported_later(use: str) -> None:
    loaded_by(f"import app.serve, sync.cli.main\n{use}")


def test_lazy_module_that_is_not_installed_is_reported() -> None:
    program = "from inventory.core.lean_imports import lazy_module\nlazy_module('not_installed_here')"
    with pytest.raises(subprocess.CalledProcessError) as failed:
        loaded_by(program)
    assert "ModuleNotFoundError: No module named 'not_installed_here'" in failed.value.stderr


@pytest.mark.parametrize("command", [("sync", "worker"), ("app", "serve")])
def test_process_starts_without_collections_and_collects_later(command: tuple[str, str]) -> None:
    module, name = command
    program = f"""
import gc, runpy, sys
generations = []
gc.callbacks.append(lambda phase, info: generations.append(info["generation"]) if phase == "start" else None)
import {module}
generations.clear()
sys.argv = ["{module}", "{name}", "--help"]
try:
    runpy.run_module("{module}", run_name="__main__")
except SystemExit:
    pass
assert 2 not in generations, generations
assert gc.isenabled()
assert gc.get_freeze_count() > 10_000
"""
    loaded_by(program)
