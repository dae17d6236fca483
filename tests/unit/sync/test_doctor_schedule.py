"""The doctor says when runs are due and what starts them."""

from datetime import UTC, datetime

from inventory.core.settings import Settings
from sync.doctor.runs import examine_schedule

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


def test_examine_schedule_names_jobs_role() -> None:
    (check,) = examine_schedule(Settings.read(sync_nightly=True), NOON).checks
    assert (check.name, check.state) == ("nivoda", "ok")
    assert check.detail == "the jobs role starts the next run at 2026-11-29 02:00:00 UTC, in 14 h 00 min"


def test_examine_schedule_names_command_of_each_feed_when_jobs_role_starts_none() -> None:
    settings = Settings.read(
        sync_nightly=False,
        feeds="nivoda,acme",
        feed_acme_kind="csv",
        feed_acme_source="/data",
        feed_acme_map="acme.toml",
        feed_acme_schedule="06:30",
    )
    nivoda, acme = examine_schedule(settings, NOON).checks
    assert "SYNC_NIGHTLY is false" in nivoda.detail
    assert "must run `diamonds-sync schedule --feed acme` at 2026-11-29 06:30:00 UTC" in acme.detail
    assert "retries" not in acme.detail
    retrying = examine_schedule(Settings.read(sync_nightly=False, sync_nightly_retry=True), NOON)
    assert "must run `diamonds-sync schedule` at" in retrying.checks[0].detail
    assert "the jobs role retries that run" in retrying.checks[0].detail
