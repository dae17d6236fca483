"""Declared dependencies: everything that is imported, with an upper bound on what is subclassed or used through internals."""

import ast
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
RUNTIME: dict[str, Requirement] = {
    str(canonicalize_name(requirement.name)): requirement
    for requirement in map(Requirement, PROJECT["project"]["dependencies"])
}
OWN = {"app", "sync", "inventory"}
DISTRIBUTIONS = packages_distributions()


def imported(directory: str) -> set[str]:
    """The modules that a package imports from elsewhere."""
    found = set()
    for path in (ROOT / directory).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                found.add(node.module)
    return {name for name in found if name.partition(".")[0] not in OWN | sys.stdlib_module_names}


def distribution(module: str) -> str:
    if module.startswith("azure."):  # one namespace of many distributions
        names = {"core": "azure-core", "identity": "azure-identity", "servicebus": "azure-servicebus"}
        return names.get(module.split(".")[1], "azure-storage-blob")
    if module.startswith("opentelemetry."):
        parts = module.split(".")
        names = {"sdk": "opentelemetry-sdk", "exporter": "opentelemetry-exporter-otlp-proto-http"}
        return names.get(parts[1], "opentelemetry-api")
    (name,) = set(DISTRIBUTIONS[module.partition(".")[0]])
    return canonicalize_name(name)


@pytest.mark.parametrize("directory", sorted(OWN))
def test_every_import_is_declared_dependency(directory: str) -> None:
    needed = {distribution(module) for module in imported(directory)}
    assert needed - set(RUNTIME) == set()


@pytest.mark.parametrize("name", ["uvicorn", "strawberry-graphql", "graphql-core", "arq", "starlette", "websockets"])
def test_dependencies_used_through_internals_have_upper_bound(name: str) -> None:
    assert any(specifier.operator in {"<", "<="} for specifier in RUNTIME[name].specifier)


@pytest.mark.parametrize(("name", "faulty"), [("uvloop", "0.22.1"), ("starlette", "1.0.0"), ("aiohttp", "3.14.2")])
def test_versions_with_known_faults_are_excluded(name: str, faulty: str) -> None:
    assert faulty not in RUNTIME[name].specifier
