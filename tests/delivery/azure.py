"""Fake Azure CLI and curl: the deployed state is stored in a file.

`python -m tests.delivery.azure STATE az|curl ARGUMENTS...`. Responses have Azure's format, and are queried with
JMESPath.
"""

import sys
from collections.abc import Sequence
from itertools import pairwise, takewhile
from pathlib import Path
from typing import Any

import jmespath
import msgspec

HOST = "api.example.azurecontainerapps.io"
TOKEN_URL = "https://token.example.com/request?api-version=2.0"


class State(msgspec.Struct):
    """Deployed state, executed commands, and planned failures. `fails` contains prefixes of commands that fail."""

    image: str
    apps: dict[str, str] = {}
    jobs: dict[str, str] = {}
    revisions: list[str] = []
    done: list[str] = []
    migration: str = "Succeeded"
    never_ready: list[str] = []
    never_taken_over: list[str] = []
    open_to_all: list[str] = []
    fails: list[str] = []
    version: str = "2.72.0"
    # Images whose update drops the identity from the scale rule, as an old CLI does; the image of each service.
    drops_identity: list[str] = []
    identities: dict[str, str | None] = {}
    # The token of the CLI's session, and the tokens that GitHub issues next.
    token: str = "first"
    tokens: list[str] = []

    @classmethod
    def create(cls, image: str, *, earlier: Sequence[str] = ()) -> "State":
        """An environment that runs an image, with earlier revisions."""
        apps = dict.fromkeys(("api", "worker", "consolidator", "jobs"), image)
        jobs = dict.fromkeys(("scheduler", "migrate", "jobs-once"), image)
        identities: dict[str, str | None] = {name: "/identities/scaler" for name in apps if name != "api"}
        return cls(image=image, apps=apps, jobs=jobs, revisions=[*earlier, image], identities=identities)


def az(state: State, arguments: list[str]) -> tuple[int, Any]:
    """The exit code of a command, and its result before --query."""
    options = dict(pairwise(arguments))
    verb = " ".join(takewhile(lambda part: not part.startswith("-"), arguments))
    name, image = options.get("--name", ""), options.get("--image", "")
    command = f"{verb} {name} {image}".strip()
    if any(command.startswith(beginning) for beginning in state.fails):
        return 1, None
    if verb.startswith("containerapp job "):
        return 0, _job(state, verb, name, options)
    if verb.startswith("containerapp "):
        return 0, _service(state, verb, name, image)
    return 0, _account(state, verb, options)


def _account(state: State, verb: str, options: dict[str, str]) -> Any:
    match verb:
        case "version":
            return {"azure-cli": state.version, "extensions": {}}
        case "login":
            state.token = options["--federated-token"]
            state.done.append(f"login {options['--username']} {options['--tenant']} {state.token}")
        case "account set":
            state.done.append(f"subscription {options['--subscription']}")
        case _:
            raise SystemExit(f"the stand-in does not know `az {verb}`")
    return {}


def _service(state: State, verb: str, name: str, image: str) -> Any:
    match verb:
        case "containerapp show":
            return _app(state, name)
        case "containerapp update":
            state.apps[name] = image
            if image in state.drops_identity and name in state.identities:
                state.identities[name] = None
            if name == "api":
                state.revisions.append(image)
            state.done.append(f"{name} {image}")
        case "containerapp revision list":
            return [_revision(number, each) for number, each in enumerate(state.revisions, 1)]
        case _:
            raise SystemExit(f"the stand-in does not know `az {verb}`")
    return {}


def _job(state: State, verb: str, name: str, options: dict[str, str]) -> Any:
    match verb:
        case "containerapp job list":
            return [{"name": each} for each in state.jobs]
        case "containerapp job update":
            state.jobs[name] = options["--image"]
            state.done.append(f"{name} {state.jobs[name]}")
        case "containerapp job start":
            state.done.append(f"start {name} {state.jobs[name]}")
            return {"name": f"{name}-abc"}
        case "containerapp job execution show":
            return {"name": options["--job-execution-name"], "properties": {"status": state.migration}}
        case _:
            raise SystemExit(f"the stand-in does not know `az {verb}`")
    return {}


def _app(state: State, name: str) -> dict[str, Any]:
    latest = len(state.revisions)
    ready = latest - 1 if state.apps[name] in state.never_taken_over else latest
    rules: list[dict[str, Any]] = [{"name": "processor", "custom": {"type": "cpu", "identity": None, "auth": None}}]
    if name in state.identities:
        custom: dict[str, Any] = {"type": "azure-servicebus", "identity": state.identities[name], "auth": []}
        rules = [{"name": "queue-depth", "custom": custom}]
    return {
        "properties": {
            "template": {"containers": [{"image": state.apps[name]}], "scale": {"rules": rules}},
            "configuration": {"ingress": {"fqdn": HOST}},
            "latestRevisionName": f"{name}--{latest:07}",
            "latestReadyRevisionName": f"{name}--{ready:07}",
        }
    }


def _revision(number: int, image: str) -> dict[str, Any]:
    return {
        "name": f"api--{number:07}",
        "properties": {
            "createdTime": f"2026-01-{number:02}T00:00:00+00:00",
            "template": {"containers": [{"image": image}]},
        },
    }


def curl(state: State, arguments: list[str]) -> str:
    """The status of the API's response, or GitHub's response with a token."""
    image, url = state.apps["api"], arguments[-1]
    if url.startswith(TOKEN_URL):
        assert url == f"{TOKEN_URL}&audience=api://AzureADTokenExchange"
        assert sys.stdin.read() == 'header = "Authorization: Bearer request-token"\n'
        if not state.tokens:
            raise SystemExit(22)
        return msgspec.json.encode({"count": 1, "value": state.tokens.pop(0)}).decode()
    path = url.removeprefix(f"https://{HOST}")
    statuses = {
        "/health": "200",
        "/ready": "503" if image in state.never_ready else "200",
        "/api/v2/diamonds": "200" if image in state.open_to_all else "401",
    }
    return statuses[path]


def tsv(value: Any) -> str:
    """Format as `--output tsv` does."""
    if value is None:
        return ""
    return "\n".join(map(str, value)) if isinstance(value, list) else str(value)


def main() -> None:
    file, program, *arguments = sys.argv[1:]
    state = msgspec.json.decode(Path(file).read_bytes(), type=State)
    code = 0
    if program == "curl":
        sys.stdout.write(curl(state, arguments))
    else:
        code, answer = az(state, arguments)
        if code == 0 and "--query" in arguments:
            found = jmespath.search(arguments[arguments.index("--query") + 1], answer)
            sys.stdout.write(f"{tsv(found)}\n")
    Path(file).write_bytes(msgspec.json.encode(state))
    raise SystemExit(code)


if __name__ == "__main__":
    main()
