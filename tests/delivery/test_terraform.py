"""Settings in Terraform and in the code are the same. Terraform tests the rest itself."""

import re
from pathlib import Path

import pytest

from inventory.core.settings import Settings, is_secret

TERRAFORM = Path(__file__).parents[2] / "infra" / "terraform"
MODULE = TERRAFORM / "modules" / "container-apps"
SETTINGS = {variable.name for variable in Settings.variables()}
SECRETS = {variable.name for variable in Settings.variables() if is_secret(variable.kind)}
# Read by Microsoft's library: selects the identity of a process.
FOREIGN = {"AZURE_CLIENT_ID"}


def named_in(path: Path) -> set[str]:
    """Names in capitals that have a value in the file."""
    return set(re.findall(r"^ *(?:\{ )?([A-Z][A-Z_]+) *= ", path.read_text("utf-8"), re.MULTILINE))


@pytest.mark.parametrize(
    "path",
    [
        MODULE / "settings.tf",
        TERRAFORM / "environments" / "staging" / "terraform.tfvars.example",
        TERRAFORM / "environments" / "production" / "terraform.tfvars.example",
    ],
    ids=lambda path: "/".join(path.parts[-2:]),
)
def test_every_setting_in_terraform_exists(path: Path) -> None:
    named = named_in(path)
    assert len(named) > 10
    assert named - FOREIGN <= SETTINGS


def test_terraform_rejects_exactly_secrets_among_plain_settings() -> None:
    patterns = set(re.findall(r'!can\(regex\("([^"]+)", name\)\)', (MODULE / "variables.tf").read_text("utf-8")))
    (pattern,) = patterns
    assert {name for name in SETTINGS if re.search(pattern, name)} == SECRETS


def test_every_variable_and_output_has_description() -> None:
    blocks = [
        (f"{path.relative_to(TERRAFORM)} {name}", body)
        for path in sorted(TERRAFORM.glob("*/*/*.tf"))
        for name, body in re.findall(
            r'^(?:variable|output) "(\w+)" \{\n(.*?)^\}', path.read_text("utf-8"), re.MULTILINE | re.DOTALL
        )
    ]
    assert len(blocks) > 50
    assert [name for name, body in blocks if not re.search(r'^  description = ".{10,}"$', body, re.MULTILINE)] == []
