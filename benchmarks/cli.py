"""How fast it is, as a ratio to a limit or a peer that is measured in the same run; machines differ, ratios hardly do.

Each benchmark starts servers of its own and works on the sandbox's stones with the code that runs in production.
"""

import argparse
import asyncio
import os
import platform
import random
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import uvloop
from rich.console import Console
from rich.table import Table

from benchmarks import consolidation, facets, graphql, protocol, rest, search, staging, subscriptions
from benchmarks.figures import Figure, Pace, Report
from sandbox.document import Document
from sandbox.stack.signals import Stopped, stopping_on_signals

_WIDTH = 170  # of the table, where the terminal is narrower


class Benchmark(NamedTuple):
    """What is measured, how that can be varied, and the work."""

    says: str
    options: type[msgspec.Struct]
    measure: Callable[[Any], Coroutine[None, None, Report]]


BENCHMARKS: Mapping[str, Benchmark] = {
    module.__name__.rpartition(".")[2]: Benchmark(module.__doc__ or "", module.Options, module.measure)
    for module in (staging, consolidation, search, facets, graphql, rest, protocol, subscriptions)
}


def main(arguments: Sequence[str]) -> None:
    """Measure what is asked for, all of it if nothing is. Exit code 1: something that must not be was."""
    path, wanted = asked(arguments)
    try:
        document = Document(path, private=False) if path else None
    except OSError as error:
        _parser().error(f"--json: {path}: {error.strerror}")
    reports: dict[str, Report] = {}
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            for name, options in wanted.items():
                sys.stderr.write(f"{name} ...\n")
                random.seed(getattr(options, "seed", 1))
                reports[name] = runner.run(_stoppable(BENCHMARKS[name].measure(options)))
    except Stopped as stopped:
        sys.exit(128 + stopped.number)
    Console(width=max(Console().width, _WIDTH)).print(_table(reports))
    if document:
        document.write(_answer(wanted, reports))
    wrong = [f"{name}: {what}" for name, report in reports.items() for what in report.wrong]
    sys.stderr.writelines(f"{line}\n" for line in wrong)
    sys.exit(1 if wrong else 0)


async def _stoppable(work: Coroutine[None, None, Report]) -> Report:
    async with stopping_on_signals():
        return await work


def asked(arguments: Sequence[str]) -> tuple[Path | None, dict[str, msgspec.Struct]]:
    """What is asked for: names, each followed by flags of its own."""
    head: list[str] = []
    parts: dict[str, list[str]] = {}
    for argument in arguments:
        if argument in BENCHMARKS:
            parts[argument] = []
        else:
            (parts[next(reversed(parts))] if parts else head).append(argument)
    path = _parser().parse_args(head).json
    wanted: dict[str, msgspec.Struct] = {}
    for name in parts or BENCHMARKS:
        given = vars(_parser(name).parse_args(parts.get(name, [])))
        path = given.pop("json") or path
        try:
            wanted[name] = msgspec.convert(given, BENCHMARKS[name].options)
        except msgspec.ValidationError as error:
            _parser(name).error(str(error))
    return path, wanted


def _parser(name: str | None = None) -> argparse.ArgumentParser:
    usage = None if name else "%(prog)s [--json FILE] [NAME [FLAG ...]] ..."
    names = "\n".join(f"  {one:15}{benchmark.says.splitlines()[0]}" for one, benchmark in BENCHMARKS.items())
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks" + (f" {name}" if name else ""),
        usage=usage,
        description=BENCHMARKS[name].says if name else __doc__,
        epilog=None if name else f"benchmarks (all of them when none is named; NAME --help shows its flags):\n{names}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    for field in msgspec.structs.fields(BENCHMARKS[name].options) if name else ():
        kind, meta = field.type.__origin__, field.type.__metadata__[0]
        says = f"{meta.description} ({field.default})"
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=kind, default=field.default, help=says)
    parser.add_argument("--json", type=Path, metavar="FILE", help="Where to write the figures, too.")
    return parser


def _table(reports: Mapping[str, Report]) -> Table:
    table = Table(title="Measured, each beside its limit")
    for heading in ("benchmark", "what"):
        table.add_column(heading, no_wrap=True)
    for heading in ("per second", "p50 ms", "p99 ms"):
        table.add_column(heading, justify="right")
    table.add_column("limit", no_wrap=True)
    for heading in ("per second", "p50 ms", "p99 ms", "ratio"):
        table.add_column(heading, justify="right")
    for name, report in reports.items():
        for figure in report.figures:
            table.add_row(
                name,
                figure.name,
                *_shown(figure.measured, figure.unit),
                figure.limit,
                *_shown(figure.limited),
                f"{figure.ratio:.2f}",
            )
        table.add_section()
    return table


def _shown(pace: Pace, unit: str = "") -> tuple[str, str, str]:
    p50, p99 = ("" if value is None else f"{value:,.2f}" for value in (pace.p50_ms, pace.p99_ms))
    return f"{pace.per_second:,.0f} {unit}".strip(), p50, p99


def _answer(wanted: Mapping[str, msgspec.Struct], reports: Mapping[str, Report]) -> object:
    """The figures for scripts."""
    return {
        "machine": {
            "cores": os.cpu_count(),
            "processor": platform.machine(),
            "system": platform.platform(),
            "python": platform.python_version(),
        },
        "benchmarks": {
            name: {
                "options": wanted[name],
                "figures": [_with_ratio(figure) for figure in report.figures],
                "wrong": report.wrong,
                "details": report.details,
            }
            for name, report in reports.items()
        },
    }


def _with_ratio(figure: Figure) -> dict[str, object]:
    return {**msgspec.structs.asdict(figure), "ratio": round(figure.ratio, 4)}
