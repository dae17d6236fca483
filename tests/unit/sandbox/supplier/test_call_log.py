"""Call statistics."""

from sandbox.supplier.call_log import CallLog


def test_busiest_second_is_any_interval_of_one_second() -> None:
    times = iter([0.0, 0.6, 0.7, 0.8, 1.55, 1.7, 5.0])
    calls = CallLog(lambda: next(times))
    for _ in range(7):
        calls.count_request()
    assert calls.report()["max_per_second"] == 4
    assert calls.report()["total"] == 7


def test_calls_are_counted_by_operation_and_outcome_until_cleared() -> None:
    calls = CallLog(lambda: 0.0)
    calls.count_request()
    calls.count_outcome(["count", "page"], "ok")
    calls.count_outcome(["page"], "reset")
    calls.count_outcome([], "malformed")
    calls.record_trade("create_hold", "anna", {"ProductId": "x"}, {"denied": True})
    report = calls.report()
    assert report["operations"] == {"count": {"ok": 1}, "page": {"ok": 1, "reset": 1}, "unreadable": {"malformed": 1}}
    assert report["holds"] == [
        {"operation": "create_hold", "account": "anna", "arguments": {"ProductId": "x"}, "answer": {"denied": True}}
    ]
    assert report["orders"] == report["rejected"] == []
    calls.clear()
    nothing = {"total": 0, "max_per_second": 0, "operations": {}, "holds": [], "orders": [], "rejected": []}
    assert calls.report() == nothing


def test_last_hundred_rejected_requests_are_kept_without_secrets() -> None:
    calls = CallLog(lambda: 0.0)
    for number in range(150):
        calls.record_rejected(
            [{"message": f"wrong {number}"}], "{ a }", {"token": "t0ken", "password": "pw", "query": {}}
        )
    report = calls.report()
    assert [entry["errors"] for entry in report["rejected"]] == [[f"wrong {number}"] for number in range(50, 150)]
    assert report["rejected"][0] == {"errors": ["wrong 50"], "query": "{ a }", "variables": {"query": {}}}
    assert report["operations"] == {"unreadable": {"rejected": 150}}
