"""Supplier check: report about schemas, logins and counts, exit codes."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from app.doctor.supplier import examine
from inventory.core.checks import DoctorReport, format_report
from inventory.core.settings import SettingsError
from sandbox.supplier.served_schema import SchemaOptions
from tests.contract.nivoda import PASSWORD, account
from tests.contract.published_supplier import PublishedSupplier, published_item, published_supplier


def settings(supplier: PublishedSupplier, **others: Any) -> Any:
    return account(supplier.endpoint, nivoda_requests_per_second=1000, nivoda_tries=1, **others)


def states(report: DoctorReport) -> dict[str, str]:
    return {check.name: check.state for check in report.checks}


@pytest.fixture(autouse=True)
def no_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.doctor.supplier._REQUESTS_PER_SECOND", 1000.0)


async def test_complete_supplier_is_ok_and_only_reads_are_sent() -> None:
    async with published_supplier([published_item(number) for number in range(5)]) as supplier:
        report = await examine(settings(supplier))
    assert set(states(report).values()) == {"ok"}
    assert report.works
    assert report.facts["counts"] == {"total": 5, "priced": 5, "natural": 5, "lab_grown": 0}
    assert supplier.rejected == []
    assert all(request["query"].startswith("query") for request in supplier.asked)


@pytest.mark.parametrize("introspection", [True, False])
async def test_missing_members_are_named_and_others_work(introspection: bool) -> None:
    options = SchemaOptions(version="2024", without=("DiamondQuery.filter_ids",), introspection=introspection)
    async with published_supplier([published_item(number) for number in range(5)], options) as supplier:
        report = await examine(settings(supplier))
    found = states(report)
    assert found["capabilities"] == "degraded"
    assert found["introspection"] == ("ok" if introspection else "degraded")
    assert (found["login"], found["counts"], found["lookup"], report.works) == ("ok", "ok", "ok", True)
    text = format_report(report)
    assert "Certificate.cut_style is not offered" in text
    assert "10 members are not offered" in text
    assert max(map(len, text.splitlines())) <= 80


async def test_missing_required_member_fails_and_is_named() -> None:
    async with published_supplier([published_item(1)], SchemaOptions(without=("DiamondItem.price",))) as supplier:
        report = await examine(settings(supplier))
    assert not report.works
    assert states(report)["operations"] == states(report)["capabilities"] == "failed"
    assert "DiamondItem.price" in format_report(report)


async def test_rejected_login_skips_dependent_checks() -> None:
    async with published_supplier([]) as supplier:
        report = await examine(settings(supplier, nivoda_password="wrong"))
    assert states(report).keys() == {"introspection", "login", "operations", "limits"}
    assert states(report)["login"] == "failed"
    assert "Wrong username or password" in format_report(report)


async def test_outage_is_not_blamed_on_credentials() -> None:
    async def refuse(_request: web.Request) -> web.Response:
        return web.Response(status=503, text="<html></html>", content_type="text/html")

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", refuse)
    async with TestServer(application) as server:
        endpoint = str(server.make_url("/api"))
        report = await examine(account(endpoint, nivoda_requests_per_second=1000, nivoda_tries=1))
    (login,) = (check for check in report.checks if check.name == "login")
    assert (login.state, report.works) == ("failed", False)
    assert "HTTP 503" in login.detail
    assert "away or busy" in login.next_step
    assert "NIVODA_PASSWORD" not in login.next_step
    closed = await examine(account(endpoint, nivoda_requests_per_second=1000, nivoda_tries=1))
    (login,) = (check for check in closed.checks if check.name == "login")
    assert login.next_step.startswith("Check NIVODA_ENDPOINT, and the network")


async def test_missing_endpoint_is_settings_error() -> None:
    with pytest.raises(SettingsError, match="NIVODA_ENDPOINT"):
        await examine(account(""))


@pytest.mark.parametrize(("password", "code"), [(PASSWORD, 0), ("hunter-2", 1)])
async def test_command_prints_json_and_exits_with_result(password: str, code: int) -> None:
    async with published_supplier([published_item(number) for number in range(3)]) as supplier:
        surroundings = {
            **os.environ,
            "NIVODA_ENDPOINT": supplier.endpoint,
            "NIVODA_USERNAME": "me@example.com",
            "NIVODA_PASSWORD": password,
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "app", "doctor", "supplier", "--json", env=surroundings, stdout=PIPE, stderr=PIPE
        )
        out, err = await process.communicate()
    assert process.returncode == code, err
    document = json.loads(out)
    assert document["works"] is (code == 0)
    assert password not in out.decode() + err.decode()
