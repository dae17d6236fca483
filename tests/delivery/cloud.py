"""Fakes of az, gh, terraform, docker and curl that reject a command with missing prerequisites.

`main` takes STATE PROGRAM ARGUMENTS... from the command line. The state records every call and the existing resources.
Only the standard library is used: a document has some hundred calls, each of which starts a process.
"""

import json
import re
import sys
from collections.abc import Callable, Iterable
from itertools import takewhile
from pathlib import Path

SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"
DIGEST = f"sha256:{'d' * 64}"
URL = "https://api.example.azurecontainerapps.io"
DOMAIN = "api.example.com"
_ROLES = ("pull", "queue", "scaler", "vault", "watermarks")
_LONGEST_VAULT_NAME = 24
_MODULES = {"container_registry", "service_bus", "storage"}


class PrerequisiteMissing(Exception):
    """A prerequisite is missing. The message names it."""


class State:
    """The calls so far, existing resources, and GitHub's response about the subject prefix: a text, nothing, or None
    for an error.
    """

    def __init__(
        self,
        *,
        prefix: str | None = "",
        exists: Iterable[str] = (),
        calls: Iterable[str] = (),
        subjects: Iterable[str] = (),
    ) -> None:
        self.prefix = prefix
        self.exists = set(exists)
        self.calls = list(calls)
        self.subjects = list(subjects)

    @classmethod
    def read(cls, path: Path) -> "State":
        return cls(**json.loads(path.read_text("utf-8")))

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(vars(self) | {"exists": sorted(self.exists)}), "utf-8")

    def need(self, *things: str) -> None:
        for thing in things:
            if thing not in self.exists:
                raise PrerequisiteMissing(f"there is no {thing}")

    def add(self, *things: str) -> str:
        self.exists |= set(things)
        return ""


class CommandLine:
    """Words, options and flags of a command line."""

    def __init__(self, arguments: list[str]) -> None:
        self.words = list(takewhile(lambda part: not part.startswith("-"), arguments))
        self.all = arguments
        self.options: dict[str, list[str]] = {}
        name = ""
        for part in arguments[len(self.words) :]:
            if part.startswith("-"):
                name, equals, value = part.partition("=")
                self.options.setdefault(name, [])
                if equals:
                    self.options[name].append(value)
            elif name:
                self.options[name].append(part)

    def __getitem__(self, name: str) -> str:
        values = self.options.get(name)
        if not values or not values[0]:
            raise PrerequisiteMissing(f"no value of {name}")
        return values[0]

    def get(self, name: str) -> str:
        return (self.options.get(name) or [""])[0]


def az(state: State, command: CommandLine) -> str:
    verb = " ".join(command.words)
    if verb == "version":
        return "2.72.0"
    if verb == "extension add":
        return state.add(f"extension {command['--name']}")
    if verb == "login":
        return state.add("sign-in at Azure")
    state.need("sign-in at Azure")
    if verb == "account set":
        assert command["--subscription"]
        return state.add("subscription")
    state.need("subscription")
    for beginning, handle in _AZ.items():
        if f"{verb} ".startswith(f"{beginning} "):
            return handle(state, verb, command)
    raise PrerequisiteMissing(f"the stand-in does not know `az {verb}`")


def _group(state: State, verb: str, command: CommandLine) -> str:
    group = f"resource group {command['--name']}"
    if verb == "group create":
        return state.add(group)
    state.need(group)
    return f"/{command['--name']}"


def _storage(state: State, verb: str, command: CommandLine) -> str:
    name = command.get("--account-name") or command["--name"]
    if verb == "storage account create":
        state.need(f"resource group {command['--resource-group']}", "provider Microsoft.Storage")
        return state.add(f"account {name}")
    state.need(f"account {name}")
    if verb == "storage container create":
        state.need(f"role Storage Blob Data Contributor on /account/{name}")
        if state.calls.count(state.calls[-1]) == 1:
            raise PrerequisiteMissing("the role is not effective yet")
        return state.add("container of the state")
    return f"/account/{name}"


def _network(state: State, verb: str, command: CommandLine) -> str:
    state.need(f"resource group {command['--resource-group']}", "provider Microsoft.Network")
    for option in ("--vnet-name", "--nat-gateway", "--public-ip-addresses"):
        if option in command.options:
            state.need(f"network {command[option]}")
    if not verb.endswith("create"):
        state.need(f"network {command['--name']}")
    return state.add(f"network {command['--name']}") or "10.1.2.3"


def _role(state: State, verb: str, command: CommandLine) -> str:
    scope = command["--scope"]
    if verb == "role assignment create":
        assert command.get("--assignee") or command["--assignee-object-id"]
        return state.add(f"role {command['--role']} on {scope}")
    return "AcrPull"


def _registry(state: State, verb: str, command: CommandLine) -> str:
    registry = f"registry {command['--name']}"
    state.need(registry)
    if verb == "acr login":
        return state.add(f"sign-in at {command['--name']}.azurecr.io")
    if verb == "acr import":
        source = command["--registry"]
        if not source.startswith("/registry/"):
            raise PrerequisiteMissing(f"{source} is not a resource id")
        state.need(f"image at {source.removeprefix('/registry/')}")
        if not command["--source"].endswith(f"@{DIGEST}"):
            raise PrerequisiteMissing(f"{command['--source']} is not named by its digest")
        return state.add(f"image at {command['--name']}")
    return f"/registry/{command['--name']}"


def _container_app(state: State, verb: str, command: CommandLine) -> str:
    name, group = command["--name"], command["--resource-group"]
    kind = "job" if verb.startswith("containerapp job") else "environment" if "env" in verb.split() else "service"
    state.need(f"{kind} {name} in {group}")
    if verb == "containerapp job start":
        return state.add(f"execution of {name} in {group}") or f"{name}-abc"
    if verb == "containerapp job execution show":
        state.need(f"execution of {name} in {group}")
        assert command["--job-execution-name"] == f"{name}-abc"
        return "Succeeded"
    if verb == "containerapp exec":
        if command["--command"] != "sh":
            raise PrerequisiteMissing("a command line after --command may be taken as one file name")
        return state.add("key")
    if verb == "containerapp hostname bind":
        assert command["--certificate"] == "/certificates/api"
        state.need(f"environment {command['--environment']} in {group}")
        return state.add(f"domain {command['--hostname']}")
    return "shown"


def _vault(state: State, verb: str, command: CommandLine) -> str:
    name = command.get("--vault-name") or command["--name"]
    if verb == "keyvault create":
        state.need(f"resource group {command['--resource-group']}", "provider Microsoft.KeyVault")
        if len(name) > _LONGEST_VAULT_NAME:
            raise PrerequisiteMissing(f"{name} is too long for a vault")
        return state.add(f"vault {name}")
    state.need(f"vault {name}")
    if verb.startswith("keyvault secret"):
        state.need(f"role Key Vault Secrets Officer on /vault/{name}")
        if verb == "keyvault secret list" and state.calls.count(state.calls[-1]) == 1:
            raise PrerequisiteMissing("the role is not effective yet")
        if verb == "keyvault secret set" and not re.fullmatch("[a-z-]+", command["--name"]):
            raise PrerequisiteMissing(f"{command['--name']} is not the name of a secret")
        return ""
    return f"/vault/{name}"


def _lock(state: State, _verb: str, command: CommandLine) -> str:
    state.need(f"resource group {command['--resource-group']}")
    return ""


def _logs(state: State, verb: str, command: CommandLine) -> str:
    if "query" in verb.split():
        state.need("extension log-analytics")
        assert command["--workspace"] == "workspace-id"
        return ""
    state.need(f"workspace {command['--workspace-name']}")
    return "workspace-id"


def _identity(state: State, verb: str, command: CommandLine) -> str:
    state.need(f"resource group {command['--resource-group']}")
    name = f"identity {command['--name']} in {command['--resource-group']}"
    if verb == "identity create":
        state.need("provider Microsoft.ManagedIdentity")
        return state.add(name)
    state.need(name)
    if verb == "identity federated-credential create":
        state.subjects.append(command["--subject"])
    return "principal"


def _account(_state: State, verb: str, _command: CommandLine) -> str:
    return "someone" if verb.startswith("ad") else SUBSCRIPTION


def _provider(state: State, _verb: str, command: CommandLine) -> str:
    return state.add(f"provider {command['--namespace']}")


_AZ: dict[str, Callable[[State, str, CommandLine], str]] = {
    "account": _account,
    "ad": _account,
    "provider register": _provider,
    "group": _group,
    "storage": _storage,
    "network": _network,
    "role assignment": _role,
    "acr": _registry,
    "containerapp": _container_app,
    "monitor log-analytics": _logs,
    "identity": _identity,
    "keyvault": _vault,
    "lock": _lock,
}


def gh(state: State, command: CommandLine) -> str:
    verb = " ".join(command.words)
    if verb == "auth login":
        return state.add("sign-in at GitHub")
    state.need("sign-in at GitHub")
    if verb.startswith("variable set"):
        assert command["--body"]
        assert re.fullmatch(r"[a-z]+/[a-z]+", command["--repo"])
        if "--env" in command.options:
            state.need(f"GitHub environment {command['--env']}")
        return state.add(f"variable {command.words[2]}")
    path = next(part for part in command.all if part.startswith(("repos/", "users/")))
    if path.endswith("/actions/oidc/customization/sub"):
        if state.prefix is None:
            sys.stdout.write('{"message": "Not Found"}')
            raise PrerequisiteMissing("HTTP 404")
        return state.prefix
    if path.startswith("users/"):
        return "583231"
    if "--input" in command.options:
        (reviewer,) = json.loads(sys.stdin.read())["reviewers"]
        assert reviewer == {"type": "User", "id": 583231}
    return state.add(f"GitHub environment {path.split('/environments/')[1]}")


def terraform(state: State, command: CommandLine) -> str:
    directory = Path(command["-chdir"])
    verb = next(part for part in command.all if not part.startswith("-"))
    environment = directory.name
    if verb == "providers":
        state.need(f"initialized {environment}")
        return ""
    if verb == "init":
        state.need("sign-in at Azure", "container of the state")
        assert 'storage_account_name = "diamondsstateacme"' in (directory / command["-backend-config"]).read_text(
            "utf-8"
        )
        return state.add(f"initialized {environment}")
    state.need(f"initialized {environment}", "subscription")
    if verb == "output":
        state.need(f"workspace diamonds-{environment}-logs")
        return '{"certificate": "/certificates/api"}' if "custom_domain" in command.all else URL
    if not (directory / "terraform.tfvars").is_file():
        raise PrerequisiteMissing("there is no terraform.tfvars")
    state.need(*(f"provider Microsoft.{name}" for name in ("App", "ServiceBus", "ContainerRegistry", "Insights")))
    _apply(state, environment, command.options.get("-target", []))
    return ""


def _apply(state: State, environment: str, targets: list[str]) -> None:
    group, registry = f"diamonds-{environment}", f"diamonds{environment}acme"
    state.add(f"resource group {group}", f"registry {registry}")
    if any(".azurerm_role_assignment." in target for target in targets):
        state.add(
            *(f"{environment} {role}" for role in _ROLES if any(target.endswith(f".{role}") for target in targets))
        )
        return
    state.need(f"image at {registry}", *(f"{environment} {role}" for role in _ROLES))
    state.add(f"job migrate in {group}")
    if not targets:
        state.need(f"execution of migrate in {group}")
        services = [f"service {name} in {group}" for name in ("api", "worker", "consolidator", "jobs")]
        state.add(*services, f"job scheduler in {group}", f"environment {group} in {group}", f"workspace {group}-logs")


def docker(state: State, command: CommandLine) -> str:
    image = command.get("--tag") or next(part for part in command.all if ".azurecr.io/" in part)
    host = image.partition("/")[0]
    state.need(f"sign-in at {host}")
    if "build" in command.words:
        return state.add(f"image at {host.removesuffix('.azurecr.io')}")
    state.need(f"image at {host.removesuffix('.azurecr.io')}")
    return DIGEST


def curl(state: State, command: CommandLine) -> str:
    url = next(part for part in command.all if part.startswith("https://"))
    if url.startswith(f"https://{DOMAIN}/"):
        state.need(f"domain {DOMAIN}")
        return ""
    if not url.startswith(URL):
        raise PrerequisiteMissing(f"no server at {url}")
    if not url.endswith("/ready"):
        state.need("key")
        assert command["--header"] == "X-API-Key: the key"
    return ""


def main() -> None:
    file, program, *arguments = sys.argv[1:]
    path = Path(file)
    state = State.read(path)
    state.calls.append(" ".join((program, *arguments)))
    code = 0
    try:
        answer = {"az": az, "gh": gh, "terraform": terraform, "docker": docker, "curl": curl}[program](
            state, CommandLine(arguments)
        )
        sys.stdout.write(f"{answer}\n" if answer else "")
    except PrerequisiteMissing as error:
        sys.stderr.write(f"{state.calls[-1]}: {error}\n")
        code = 1
    state.write(path)
    raise SystemExit(code)
