"""The delivered project: the wheel, installed with its locked dependencies only."""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from sandbox.stack.process import Process

SOURCE = Path(__file__).parents[2]
_UV = SOURCE / ".uv" / "bin" / "uv"
_JAIL = Path(__file__).with_name("jail.sh")
_SECONDS = 180
_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


class UvMissing(Exception):
    """uv is not installed. `make install` installs it."""


def uv(*arguments: str | Path) -> str:
    """Output of `uv arguments`. `make install` has cached nearly all files, so the network is the last resort."""
    if not _UV.is_file():
        raise UvMissing(f"{_UV} is missing; run `make install`")
    done = _run("--offline", *arguments)
    if done.returncode != 0:
        done = _run(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own tool
        [_UV, *arguments], cwd=SOURCE, capture_output=True, text=True, timeout=_SECONDS, check=False
    )


def build_wheel(directory: Path) -> Path:
    """Build the wheel into a directory."""
    uv("build", "--wheel", "--out-dir", directory)
    (wheel,) = directory.glob("*.whl")
    return wheel


def runtime_requirements() -> str:
    """Requirements of production, with versions and hashes: without development and sandbox dependencies."""
    return uv("export", "--frozen", "--no-dev", "--no-emit-project", "--no-header", "--no-annotate")


class Installed(msgspec.Struct, frozen=True):
    """An environment with the wheel. With `jailed`, programs run as in a container (see jail.sh)."""

    environment: Path
    root: Path
    volume: Path
    jailed: bool

    @property
    def python(self) -> str:
        return str(self.environment / "bin" / "python")

    def command(self, *arguments: str) -> Sequence[str | Path]:
        """The command line of `python arguments`, starting with the absolute path of a program."""
        if not self.jailed:
            return ["/usr/bin/env", "-C", self.root, self.python, *arguments]
        readable = [self.environment, Path(sys.base_prefix)]
        jail: list[str | Path] = [
            "/usr/bin/unshare",
            "--mount",
            "/bin/sh",
            _JAIL,
            self.root,
            self.volume,
            *readable,
            "--",
        ]
        return [*jail, self.python, *arguments]

    def process(self, name: str, arguments: Sequence[str], log: Path, settings: Mapping[str, str]) -> Process:
        """A process of `python arguments` with these settings as its whole environment. It is not started."""
        return Process(name, self.command(*arguments), log=log, environment={"PATH": _PATH, **settings})


def install(directory: Path, *, jailed: bool) -> Installed:
    """Install the built wheel in a clean environment below a directory that every account can traverse."""
    wheel = build_wheel(directory)
    requirements = directory / "requirements.txt"
    requirements.write_text(runtime_requirements())
    environment = directory / "environment"
    uv("venv", "--python", Path(sys.base_prefix, "bin", "python3"), environment)
    python = environment / "bin" / "python"
    uv("pip", "install", "--python", python, "--require-hashes", "--requirement", requirements)
    uv("pip", "install", "--python", python, "--no-deps", wheel)
    root, volume = directory / "root", directory / "volume"
    root.mkdir()
    volume.mkdir()
    volume.chmod(0o777)  # for any account of the processes
    return Installed(environment, root, volume, jailed)
