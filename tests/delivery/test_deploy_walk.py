"""docs/how-to/deploy.md, executed completely, with fake programs that reject missing prerequisites."""

import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.delivery.cloud import DIGEST, State
from tests.delivery.installed import SOURCE

DOCUMENT = (SOURCE / "docs" / "how-to" / "deploy.md").read_text("utf-8")
# Imported instead of run as a script, so that Python does not compile it for each of some hundred calls.
_RUN = f'import sys; sys.path.insert(0, "{Path(__file__).parent}"); import cloud; cloud.main()'
STAGING, PRODUCTION = "diamondsstagingacme", "diamondsproductionacme"
PROGRAMS = ("az", "gh", "terraform", "docker", "curl")
SECRETS = 6  # that the section on the vault asks for
_LABELS = {"Once": "staging", "Staging only": "staging", "Production only": "production"}


def blocks(document: str, environment: str) -> list[str]:
    """The commands for one environment, up to the section on pinning. A label starts the sentence before a block."""
    found = []
    text = ""
    for index, part in enumerate(document.partition("\n## Pinning\n")[0].split("\n```")):
        if index % 2 == 0:  # between two blocks
            text = part
            continue
        language, _, commands = part.partition("\n")
        labels = re.findall(rf"(?:^|\.\s)({'|'.join(_LABELS)})\b", text.strip().rpartition("\n\n")[2])
        if language == "sh" and all(_LABELS[label] == environment for label in labels):
            found.append(commands)
    return found


class DeploymentWalk:
    """A fresh clone, with the fakes instead of the programs."""

    def __init__(self, directory: Path, state: State) -> None:
        self._clone = directory / "clone"
        shutil.copytree(SOURCE / "infra" / "terraform", self._clone / "infra" / "terraform", symlinks=True)
        self._file = directory / "state.json"
        state.write(self._file)
        self._programs = directory / "programs"
        self._programs.mkdir()
        for program in PROGRAMS:
            self._install(
                program, f"cd {self._clone} && exec {sys.executable} -SEc '{_RUN}' {self._file} {program} \"$@\""
            )
        self._install("sleep", "exit 0")

    def _install(self, program: str, line: str) -> None:
        path = self._programs / program
        path.write_text(f"#!/bin/sh\n{line}\n")
        path.chmod(0o755)

    def follow(self, document: str, environment: str) -> str:
        """Execute the document in a new shell. Returns the problems; empty on success."""
        script = "\n".join(blocks(document, environment))
        return self.run(script.replace("ENVIRONMENT=staging", f"ENVIRONMENT={environment}"))

    def run(self, script: str, **environment: str) -> str:
        """Run a script. Returns the problems; empty on success."""
        done = subprocess.run(  # noqa: S603 - the project's own document
            ["/bin/bash", "-euo", "pipefail", "-c", script],
            cwd=self._clone,
            env={"PATH": f"{self._programs}:{os.environ['PATH']}", "HOME": str(self._clone), **environment},
            input="a secret\n" * SECRETS + "the key\n",
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        return "" if done.returncode == 0 else done.stderr

    @property
    def state(self) -> State:
        return State.read(self._file)


def test_staging_and_production_are_deployed_by_document(tmp_path: Path) -> None:
    engineer = DeploymentWalk(tmp_path, State(prefix="repo:owner@12/name@345"))
    assert engineer.follow(DOCUMENT, "staging") == ""
    assert engineer.follow(DOCUMENT, "production") == ""
    state = engineer.state
    assert state.subjects == [f"repo:owner@12/name@345:environment:{name}" for name in ("staging", "production")]
    importer = "role Container Registry Data Importer and Data Reader on /registry/diamonds{}acme"
    assert {importer.format("staging"), importer.format("production"), "variable STAGING_REGISTRY_ID"} <= state.exists


@pytest.mark.parametrize("prefix", ["", None], ids=["none", "an error"])
def test_older_subject_is_used_only_when_github_returns_no_prefix(tmp_path: Path, prefix: str | None) -> None:
    beginning, pipelines = (
        DOCUMENT.partition("\n## 1. ")[0],
        DOCUMENT.partition("\n## 9. ")[2].partition("\n## 10. ")[0],
    )
    made = {"resource group diamonds-staging", "registry diamondsstagingacme"}
    engineer = DeploymentWalk(tmp_path, State(prefix=prefix, exists=made))
    assert engineer.follow(beginning + "\n" + pipelines, "staging") == ""
    assert engineer.state.subjects == ["repo:owner/name:environment:staging"]


@pytest.mark.parametrize(
    ("line", "missing"),
    [
        ("az login", "sign-in at Azure"),
        ("cp $TERRAFORM/terraform.tfvars.example", "terraform.tfvars"),
        ("az acr login --name $REGISTRY", "no sign-in at diamondsstagingacme.azurecr.io"),
        ("EXECUTION=$(az containerapp job start", "EXECUTION: unbound"),
        ('read -rsp "Key: " KEY', "KEY: unbound"),
    ],
)
def test_omitted_step_is_detected(tmp_path: Path, line: str, missing: str) -> None:
    without, removed = re.subn(rf"^{re.escape(line)}.*\n", "", DOCUMENT, flags=re.MULTILINE)
    assert removed == 1
    assert missing in DeploymentWalk(tmp_path, State()).follow(without, "staging")


def test_production_imports_image_of_staging_by_registry_id(tmp_path: Path) -> None:
    workflow = (SOURCE / ".github" / "workflows" / "deploy-production.yml").read_text("utf-8")
    step = workflow.partition("id: import\n        run: |\n")[2].partition("\n      - name:")[0]
    made = {f"registry {name}" for name in (STAGING, PRODUCTION)} | {"sign-in at Azure", "subscription"}
    engineer = DeploymentWalk(tmp_path, State(exists=made | {f"image at {STAGING}"}))
    output = tmp_path / "output"
    failed = engineer.run(
        textwrap.dedent(step),
        REGISTRY=PRODUCTION,
        STAGING_REGISTRY=STAGING,
        STAGING_REGISTRY_ID=f"/registry/{STAGING}",
        COMMIT="abc",
        VERSION="v1.2.3",
        GITHUB_OUTPUT=str(output),
    )
    assert failed == ""
    assert output.read_text("utf-8") == f"image={PRODUCTION}.azurecr.io/diamond-inventory@{DIGEST}\n"
    imports = [call for call in engineer.state.calls if call.startswith("az acr import")]
    assert [call.partition("--image ")[2] for call in imports] == [
        "diamond-inventory:v1.2.3 --force", "diamond-inventory:abc --force",
    ]  # fmt: skip


def test_every_command_after_exec_is_shell() -> None:
    for path in sorted((SOURCE / "docs").rglob("*.md")):
        for command in re.findall(r"az containerapp exec[^\n`]*(?:\\\n[^\n]*)*", path.read_text("utf-8")):
            assert command.rstrip("`").endswith("--command sh"), f"{path.name}: {command}"


def test_every_first_day_check_names_expected_result() -> None:
    section = DOCUMENT.split("\n## 10. The first day\n")[1].split("\n## ")[0]
    assert re.findall(r"# ([a-z])$", section, re.MULTILINE) == re.findall(r"^\| ([a-z]) \|", section, re.MULTILINE)
