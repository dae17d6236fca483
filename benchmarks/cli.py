"""Benchmarks: figures as ratios to a limit or a peer that is measured in the same run. Ratios hardly depend on the machine.

The benchmarks start a Postgres and a Valkey, use the stones of the sandbox, and run production code.
"""

import argparse
import asyncio
import os
import platform
import random
import sys
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import uvloop
from rich.console import Console
from rich.table import Table

from benchmarks import (
    consolidate,
    end_to_end,
    facets,
    graphql,
    heatmap,
    ingest,
    memory,
    peers,
    protocol,
    rest,
    search,
    start,
    subscriptions,
)
from benchmarks.figures import Pace, Report
from benchmarks.servers import Servers, start_servers
from sandbox.document import Document
from sandbox.stack.binaries import BinaryMissing, postgres_bindir, postgres_major, system_postgres
from sandbox.stack.signals import Stopped, stopping_on_signals

_WIDTH = 170  # minimum width of the table
_WHOLE = 20  # smallest value without decimals


class Benchmark(NamedTuple):
    """A benchmark. `quick`: options with `--quick`; None excludes it from `--quick`."""

    description: str
    options: type[msgspec.Struct]
    quick: msgspec.Struct | None
    measure: Callable[[Any, Servers], Coroutine[None, None, Report]]


BENCHMARKS: Mapping[str, Benchmark] = {
    module.__name__.rpartition(".")[2].replace("_", "-"): Benchmark(
        module.__doc__ or "", module.Options, getattr(module, "QUICK", None), module.measure
    )
    for module in (
        start,
        heatmap,
        ingest,
        consolidate,
        end_to_end,
        search,
        facets,
        graphql,
        peers,
        rest,
        memory,
        subscriptions,
        protocol,
    )
}


class Selection(msgspec.Struct, frozen=True):
    """Parsed command line: JSON file, directory of Postgres, and options by benchmark."""

    path: Path | None
    bindir: Path | None
    options: Mapping[str, msgspec.Struct]


def main(arguments: Sequence[str]) -> None:
    """Run the selected benchmarks, or all. Exit with code 1 if a benchmark reports an error."""
    plan = read(arguments)
    try:
        document = Document(plan.path, private=False) if plan.path else None
    except OSError as error:
        _parser().error(f"--json: {plan.path}: {error.strerror}")
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            reports = runner.run(_run(plan))
    except Stopped as stopped:
        sys.exit(128 + stopped.number)
    Console(width=max(Console().width, _WIDTH)).print(_table(reports))
    if document:
        document.write(_json_document(plan, reports))
    wrong = [f"{name}: {problem}" for name, report in reports.items() for problem in report.wrong]
    sys.stderr.writelines(f"{line}\n" for line in wrong)
    sys.exit(1 if wrong else 0)


async def _run(plan: Selection) -> Mapping[str, Report]:
    reports: dict[str, Report] = {}
    async with stopping_on_signals(), start_servers(plan.bindir) as servers:
        for name, options in plan.options.items():
            sys.stderr.write(f"{name} ...\n")
            random.seed(getattr(options, "seed", 1))
            start_time = time.perf_counter()
            report = await BENCHMARKS[name].measure(options, servers)
            seconds = round(time.perf_counter() - start_time, 1)
            reports[name] = msgspec.structs.replace(report, details={**report.details, "seconds": seconds})
    return reports


def read(arguments: Sequence[str]) -> Selection:
    """Parse a command line: names of benchmarks, each followed by its flags."""
    head: list[str] = []
    parts: dict[str, list[str]] = {}
    for argument in arguments:
        if argument in BENCHMARKS:
            parts[argument] = []
        else:
            (parts[next(reversed(parts))] if parts else head).append(argument)
    common = _parser().parse_args(head)
    path, quick = common.json, common.quick
    options: dict[str, msgspec.Struct] = {}
    for name in parts or [name for name, benchmark in BENCHMARKS.items() if benchmark.quick or not quick]:
        given = vars(_parser(name, quick=quick).parse_args(parts.get(name, [])))
        path = given.pop("json") or path
        try:
            options[name] = msgspec.convert(given, BENCHMARKS[name].options)
        except msgspec.ValidationError as error:
            _parser(name).error(str(error))
    try:
        bindir = postgres_bindir(system_postgres()) if common.postgres == "system" else None
    except BinaryMissing as error:
        _parser().error(f"--postgres: {error.message}")
    return Selection(path, bindir, options)


def _parser(name: str | None = None, *, quick: bool = False) -> argparse.ArgumentParser:
    usage = None if name else "%(prog)s [--quick] [--postgres system] [--json FILE] [NAME [FLAG ...]] ..."
    names = "\n".join(f"  {one:15}{benchmark.description.splitlines()[0]}" for one, benchmark in BENCHMARKS.items())
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks" + (f" {name}" if name else ""),
        usage=usage,
        description=BENCHMARKS[name].description if name else __doc__,
        epilog=None if name else f"benchmarks (default: all; NAME --help shows the flags):\n{names}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    small = BENCHMARKS[name].quick if name and quick else None
    for field in msgspec.structs.fields(BENCHMARKS[name].options) if name else ():
        kind, meta = field.type.__origin__, field.type.__metadata__[0]
        default = getattr(small, field.name, field.default)
        description = f"{meta.description} ({default})"
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=kind, default=default, help=description)
    parser.add_argument("--json", type=Path, metavar="FILE", help="Write the figures to a JSON file, too.")
    if name is None:
        parser.add_argument("--quick", action="store_true", help="Use small sizes: all rows in less than a minute.")
        parser.add_argument(
            "--postgres", choices=("embedded", "system"), default="embedded", help="Postgres server (embedded)."
        )
    return parser


def _table(reports: Mapping[str, Report]) -> Table:
    table = Table(title="Figures beside their limits and peers; a larger ratio is better")
    for heading in ("benchmark", "what"):
        table.add_column(heading, no_wrap=True)
    for heading in ("ours", "p50 ms", "p99 ms"):
        table.add_column(heading, justify="right")
    table.add_column("limit or peer", no_wrap=True)
    for heading in ("value", "p50 ms", "p99 ms", "ratio"):
        table.add_column(heading, justify="right")
    for name, report in reports.items():
        for figure in report.figures:
            table.add_row(
                name,
                figure.name,
                *_format_pace(figure.ours, figure.unit),
                figure.beside,
                *_format_pace(figure.other),
                f"{figure.ratio:.2f}",
            )
        table.add_section()
    return table


def _format_pace(pace: Pace, unit: str = "") -> tuple[str, str, str]:
    p50, p99 = ("" if value is None else f"{value:,.2f}" for value in (pace.p50_ms, pace.p99_ms))
    digits = 0 if pace.value >= _WHOLE else 2
    return f"{pace.value:,.{digits}f} {unit}".strip(), p50, p99


def _json_document(plan: Selection, reports: Mapping[str, Report]) -> object:
    """Content of the JSON file. Each row has `ours`, `limit` or `peer`, and `ratio`."""
    return {
        "machine": {
            "cores": os.cpu_count(),
            "processor": platform.machine(),
            "system": platform.platform(),
            "python": platform.python_version(),
            "postgres": postgres_major(postgres_bindir(plan.bindir)),
        },
        "rows": [{"benchmark": name, **figure.row()} for name, report in reports.items() for figure in report.figures],
        "benchmarks": {
            name: {"options": plan.options[name], "wrong": report.wrong, "details": report.details}
            for name, report in reports.items()
        },
    }
