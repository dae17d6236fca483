"""A stand-in for the Azure CLI and for curl, where there is no Azure: it keeps what is deployed in a file.

`python -m tests.delivery.azure STATE az|curl ARGUMENTS...`. Answers are shaped as Azure's, and asked with JMESPath.
"""

import sys
from collections.abc import Sequence
from itertools import pairwise, takewhile
from pathlib import Path
from typing import Any

import jmespath
import msgspec

HOST = "api.example.azurecontainerapps.io"


class State(msgspec.Struct):
    """What is deployed, what was done, and what is to go wrong. `fails` holds the beginnings of commands that fail."""

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

    @classmethod
    def begin(cls, image: str, *, earlier: Sequence[str] = ()) -> "State":
        """An environment that runs an image, after some others."""
        apps = dict.fromkeys(("api", "worker", "consolidator", "jobs"), image)
        jobs = dict.fromkeys(("scheduler", "migrate", "jobs-once"), image)
        return cls(image=image, apps=apps, jobs=jobs, revisions=[*earlier, image])


def az(state: State, arguments: list[str]) -> tuple[int, Any]:
    """The exit code of a command, and what it answers before --query."""
    options = dict(pairwise(arguments))
    verb = " ".join(takewhile(lambda part: not part.startswith("-"), arguments))
    name, image = options.get("--name", ""), options.get("--image", "")
    command = f"{verb} {name} {image}".strip()
    if any(command.startswith(beginning) for beginning in state.fails):
        return 1, None
    answer: Any = {}
    match verb:
        case "containerapp show":
            answer = _app(state, name)
        case "containerapp update":
            state.apps[name] = image
            if name == "api":
                state.revisions.append(image)
            state.done.append(f"{name} {image}")
        case "containerapp revision list":
            answer = [_revision(number, each) for number, each in enumerate(state.revisions, 1)]
        case "containerapp job list":
            answer = [{"name": each} for each in state.jobs]
        case "containerapp job update":
            state.jobs[name] = image
            state.done.append(f"{name} {image}")
        case "containerapp job start":
            state.done.append(f"start {name} {state.jobs[name]}")
            answer = {"name": f"{name}-abc"}
        case "containerapp job execution show":
            answer = {"name": options["--job-execution-name"], "properties": {"status": state.migration}}
        case _:
            raise SystemExit(f"the stand-in does not know `az {verb}`")
    return 0, answer


def _app(state: State, name: str) -> dict[str, Any]:
    latest = len(state.revisions)
    ready = latest - 1 if state.apps[name] in state.never_taken_over else latest
    return {
        "properties": {
            "template": {"containers": [{"image": state.apps[name]}]},
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
    """The status of the API's answer."""
    image, url = state.apps["api"], arguments[-1]
    path = url.removeprefix(f"https://{HOST}")
    statuses = {
        "/health": "200",
        "/ready": "503" if image in state.never_ready else "200",
        "/api/v2/diamonds": "200" if image in state.open_to_all else "401",
    }
    return statuses[path]


def tsv(value: Any) -> str:
    """As `--output tsv` writes it."""
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
