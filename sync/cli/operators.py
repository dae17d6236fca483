"""Commands of operators: runs, quarantine, watermark, dead letters, rebuild, doctor."""

from sync.cli import control, dead_letters, doctor, feed_check, quarantine, rebuild, runs, watermark
from sync.cli.roles import app

__all__ = ["app"]

app.add_typer(runs.app, name="runs")
app.add_typer(watermark.app, name="watermark")
app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(feed_check.app, name="feeds")
app.command()(control.retry)
app.command()(control.consolidate)
app.command()(control.reconcile)
app.command()(rebuild.rebuild)
app.command()(doctor.doctor)
