"""Purchase snapshots: complete after the diamond has left the inventory, with the return option."""

from collections.abc import Mapping
from uuid import UUID

import httpx
import pytest

from inventory.core.clock import utc_now
from tests.integration.trading.test_graphql import ask, order
from tests.integration.trading.trading_site import PRICE, TradingSite

TradingClients = Mapping[str, httpx.AsyncClient]

FACTS = """shape carat color clarity cut polish symmetry fluorescence fluorescenceColor reportedGrades { shape color }
  origin labGrown growthMethod treated eyeClean measurements { lengthMm ratio crown { angleDegrees } pavilion { angleDegrees }
  girdle { thickness } culet { size } details } certificate { lab number pdfUrl } images { url altText } videos { url }
  spin360 { url } deliveryTime { minDays maxDays express } returnWindowDays keyToSymbols stockNumber attributes"""
DIAMOND = f"query ($id: ID!) {{ diamond(id: $id) {{ {FACTS} }} }}"
PURCHASE = f"""query ($id: ID!) {{ purchase(id: $id) {{ price {{ cents }} diamond {{ id }} returnOption returnGranted idempotencyKey
  snapshot {{ {FACTS} }} }} }}"""
BUY = "mutation ($input: DiamondPurchaseInput!) { diamondPurchase(input: $input) { purchase { id databaseId } } }"
CONFIRM = "mutation ($input: PurchaseConfirmInput!) { purchaseConfirm(input: $input) { purchase { returnGranted } } }"


async def test_purchase_is_complete_after_diamond_left_feed(site: TradingSite, clients: TradingClients) -> None:
    acme = clients["acme"]
    await site.sync(
        spin_url="https://example.com/360",
        measurements='{"crownAngle": 34.5, "pavAngle": 40.80, "girdle": "Medium", "culetSize": "None"}',
        attributes='{"keyToSymbols": "Crystal, Feather", "images": ["https://example.com/2.jpg"], "deliveryTime": {"express": true}}',
    )
    before = await ask(acme, DIAMOND, id=str(site.ids[0]))
    assert (before["keyToSymbols"], before["spin360"]) == (["Crystal", "Feather"], {"url": "https://example.com/360"})
    assert before["measurements"]["pavilion"] == {"angleDegrees": 40.8}
    assert before["deliveryTime"] == {"minDays": 2, "maxDays": 6, "express": True}
    assert [image["url"] for image in before["images"]][1:] == ["https://example.com/2.jpg"]
    bought = (await ask(acme, BUY, input=order(site)))["purchase"]
    await site.sync(
        status="deleted",
        deleted_at=utc_now(),
        shape="OVAL",
        certificate_number="another",
        image_url=None,
        attributes="{}",
    )
    assert await ask(acme, DIAMOND, id=str(site.ids[0])) is None
    found = await ask(acme, PURCHASE, id=bought["id"])
    assert (found["diamond"], found["price"], found["idempotencyKey"]) == (None, {"cents": PRICE}, "1")
    assert found["snapshot"] == before


async def test_snapshot_hides_what_supplier_hides(site: TradingSite, clients: TradingClients) -> None:
    await site.sync(certificate_hidden=True, measurements_hidden=True)
    bought = (await ask(clients["acme"], BUY, input=order(site)))["purchase"]
    snapshot = (await ask(clients["acme"], PURCHASE, id=bought["id"]))["snapshot"]
    assert snapshot["certificate"] == {"lab": "GIA", "number": None, "pdfUrl": None}
    assert (snapshot["measurements"]["lengthMm"], snapshot["measurements"]["details"]) == (None, {})


async def test_snapshot_contains_no_supplier_price(site: TradingSite) -> None:
    bought = await site.buy()
    stored = await site.run("SELECT snapshot::text FROM purchase_history WHERE id = $1", bought.id)
    assert "cents" not in stored
    assert "markup" not in stored


@pytest.mark.parametrize(
    ("requested", "days", "told", "granted"),
    [
        (None, 7, None, False), (False, 7, None, False), (True, 0, None, False), (True, None, None, False),
        (True, 7, None, None), (True, 7, True, True), (True, 7, False, False), (True, 0, True, True),
    ],
)  # fmt: skip
async def test_return_option_is_set_by_confirmation_or_excluded_by_request(
    site: TradingSite,
    clients: TradingClients,
    requested: bool | None,
    days: int | None,
    told: bool | None,
    granted: bool | None,
) -> None:
    await site.sync(return_days=days)
    bought = (await ask(clients["olga"], BUY, input=order(site, returnOption=requested)))["purchase"]
    if told is None:
        assert (await ask(clients["olga"], PURCHASE, id=bought["id"]))["returnGranted"] is granted
        return
    answer = {"purchaseId": bought["id"], "reason": "mail of 28 November", "returnGranted": told}
    confirmed = await ask(clients["olga"], CONFIRM, input=answer)
    assert confirmed["purchase"] == {"returnGranted": granted}
    key = UUID(bought["databaseId"])
    assert (await site.trading.records.purchases([key]))[key].return_granted is told
