"""Ownership of holds in the example shop."""

from examples.storefront.shoppers import reference_of, visible_to


def test_reference_is_stable_and_unique_and_differs_from_cookie() -> None:
    assert reference_of("ann") == reference_of("ann") != reference_of("bob")
    assert "a" * 32 not in reference_of("a" * 32)


def test_shopper_sees_only_ids_of_own_holds() -> None:
    hold = {"until": "t", "ownId": "h1", "reference": reference_of("ann")}
    found = {"nodes": [{"id": "d1", "hold": hold}, {"id": "d2", "hold": None}, None]}
    seen = visible_to(reference_of("ann"), found)["nodes"]
    assert seen[0]["hold"] == {"until": "t", "mine": True, "id": "h1"}
    assert seen[1:] == [{"id": "d2", "hold": None}, None]
    assert visible_to(reference_of("bob"), found)["nodes"][0]["hold"] == {"until": "t", "mine": False, "id": None}


def test_hold_of_another_client_has_no_shopper() -> None:
    shown = visible_to(reference_of("ann"), {"hold": {"until": "t", "ownId": None, "reference": None}})
    assert shown == {"hold": {"until": "t", "mine": False, "id": None}}
