"""Which holds and purchases are whose, in the example of a shop."""

from examples.storefront.shoppers import Shoppers


def test_the_first_owner_of_a_hold_stays_its_owner() -> None:
    shoppers = Shoppers()
    shoppers.took("ann", "h1")
    shoppers.took("bob", "h1")
    shoppers.took("ann", "h2")
    assert (shoppers.owns("ann", "h1"), shoppers.owns("bob", "h1"), shoppers.owns("ann", None)) == (True, False, False)
    assert (shoppers.holds("ann"), shoppers.holds("bob")) == (["h2", "h1"], [])


def test_a_shopper_sees_the_ids_of_own_holds_only() -> None:
    shoppers = Shoppers()
    shoppers.took("ann", "h1")
    found = {"nodes": [{"id": "d1", "hold": {"until": "t", "ownId": "h1"}}, {"id": "d2", "hold": None}, None]}
    assert shoppers.shown_to("ann", found)["nodes"][0]["hold"] == {"until": "t", "mine": True, "id": "h1"}
    assert shoppers.shown_to("bob", found)["nodes"][0]["hold"] == {"until": "t", "mine": False, "id": None}
    assert shoppers.shown_to("bob", found)["nodes"][1:] == [{"id": "d2", "hold": None}, None]


def test_a_hold_of_another_client_is_no_shoppers() -> None:
    shown = Shoppers().shown_to("ann", {"hold": {"until": "t", "ownId": None}})
    assert shown == {"hold": {"until": "t", "mine": False, "id": None}}


def test_a_purchase_keeps_the_diamond_as_it_was_bought() -> None:
    shoppers = Shoppers()
    shoppers.bought("ann", {"id": "p1"}, {"carat": 1.0})
    shoppers.bought("ann", {"id": "p1"}, {"carat": 2.0})  # the same request again
    shoppers.bought("ann", {"id": "p2"}, {"carat": 3.0})
    assert [one["diamond"]["carat"] for one in shoppers.purchases("ann")] == [3.0, 1.0]
    assert shoppers.purchases("bob") == []
