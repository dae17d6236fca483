"""Client of the REST contract, written from its documentation: raw HTTP, standard library, no code of this project.

`python rest_client.py` reads JSON from standard input: `url`, `key` (all scopes), `plain_key` (may read diamonds only),
`client_id` and `secret` (all scopes, may sign in both versions). It checks the contract, prints one line for each
verified statement, and ends with a traceback at the first violation.
"""

import hashlib
import hmac
import http.client
import json
import secrets
import sys
import time
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

DIAMONDS = "/api/v2/diamonds"
FIELDS = frozenset((
    "id", "supplier", "supplierStoneId", "offerId", "shape", "carats", "color", "clarity", "cut", "polish",
    "symmetry", "fluorescence", "labGrown", "treated", "supplierPriceCents", "pricePerCaratCents", "retailPriceCents",
    "markupRatio", "rating", "availability", "rawAvailability", "holdId", "imageUrl", "videoUrl", "certificateLab",
    "certificateNumber", "certificatePdfUrl", "measurements", "attributes", "supplierName", "supplierLegalName",
    "status", "sourceUpdatedAt", "createdAt", "updatedAt", "deletedAt",
))  # fmt: skip
COST = frozenset({"supplierPriceCents", "pricePerCaratCents", "markupRatio"})
COLORS = "DEFGHIJKLMNOPQRSTUVWXYZ"
CLARITIES = ("FL", "IF", "VVS1", "VVS2", "VS1", "VS2", "SI1", "SI2", "SI3", "I1", "I2", "I3")
WORKER = {
    "partition_id", "worker_id", "error_message", "records_processed", "has_payload", "started_at", "completed_at",
}  # fmt: skip


class Response:
    """A response."""

    def __init__(self, status: int, headers: Mapping[str, str], text: bytes) -> None:
        self.status = status
        self.headers = headers
        self.text = text

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def data(self) -> Any:
        check(200 <= self.status < 300, f"{self.status} {self.text!r}")
        return self.json["data"]

    def refuses(self, status: int, code: str) -> Mapping[str, Any]:
        """The details of an error with this status and code."""
        check(self.status == status, f"{self.status} {self.text!r} instead of {status} {code}")
        error: dict[str, Any] = self.json["error"]
        check(error["code"] == code, error)
        check(isinstance(error["message"], str) and error["message"], error)
        details: Mapping[str, Any] = error.get("details", {})
        return details


class Service:
    """The service, and both ways of authentication."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self._given = given
        self._host = urlsplit(given["url"]).netloc

    def ask(
        self,
        method: str,
        path: str,
        query: Iterable[tuple[str, object]] = (),
        body: object = None,
        headers: Mapping[str, str] | None = None,
        *,
        key: str | None = None,
    ) -> Response:
        """Send a request with an API key, by default the key with all scopes."""
        sent = {"X-API-Key": self._given["key"] if key is None else key, **(headers or {})}
        return self.send(method, path, urlencode(list(query)), self._encode(body), sent)

    def sign(self, version: int, method: str, path: str, query: str = "", body: object = None) -> tuple[Any, ...]:
        """Send a signed request."""
        content = self._encode(body)
        now, nonce = str(int(time.time())), secrets.token_hex(12)
        digest = hashlib.sha256(content).hexdigest()
        lines = [method, path, now, digest] if version == 1 else [
            "v2", method, self._host, path, query, now, nonce, digest,
        ]  # fmt: skip
        signature = hmac.new(self._given["secret"].encode(), "\n".join(lines).encode(), hashlib.sha256).hexdigest()
        headers = {"X-Client-Id": self._given["client_id"], "X-Timestamp": now, "X-Signature": signature}
        if version == 2:
            headers |= {"X-Signature-Version": "2", "X-Nonce": nonce}
        return method, path, query, content, headers

    def send(self, method: str, path: str, query: str, content: bytes, headers: Mapping[str, str]) -> Response:
        connection = http.client.HTTPConnection(self._host, timeout=60)
        typed = {"Content-Type": "application/json", **headers} if content else dict(headers)
        connection.request(method, f"{path}?{query}" if query else path, content or None, typed)
        response = connection.getresponse()
        answer = Response(response.status, dict(response.getheaders()), response.read())
        connection.close()
        return answer

    @staticmethod
    def _encode(body: object) -> bytes:
        return b"" if body is None else json.dumps(body).encode()


def check(holds: object, seen: object = "") -> None:
    if not holds:
        raise AssertionError(seen)


def report(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def search(service: Service, **parameters: object) -> list[Any]:
    found: list[Any] = service.ask("GET", DIAMONDS, parameters.items()).data
    return found


def check_health_is_public(service: Service) -> None:
    answer = service.send("GET", "/health", "", b"", {})
    check(answer.json["status"] == "ok" and answer.json["timestamp"].endswith("Z"), answer.text)
    document = service.send("GET", "/openapi.json", "", b"", {}).json
    check(document["openapi"].startswith("3.1") and DIAMONDS in document["paths"])
    check(service.send("GET", "/api-docs", "", b"", {}).headers["content-type"].startswith("text/html"))


def check_search_format(service: Service) -> None:
    answer = service.ask("GET", DIAMONDS).json
    check(set(answer) == {"data", "pagination"})
    place = answer["pagination"]
    check((place["page"], place["limit"]) == (1, 50), place)
    check(place["totalPages"] == -(-place["total"] // 50) and len(answer["data"]) == min(50, place["total"]), place)
    for diamond in answer["data"]:
        check(set(diamond) <= FIELDS and None not in diamond.values(), diamond)
        check(set(diamond) >= {"id", "carats", "labGrown", "retailPriceCents", "availability"} | COST, diamond)
        check(diamond["createdAt"].endswith("Z") and diamond["availability"] in {"available", "on_hold", "sold",
                                                                                 "unavailable"}, diamond)  # fmt: skip
    pages = [service.ask("GET", DIAMONDS, [("page", page), ("limit", 7)]).data for page in (1, 2, 3)]
    check([one["id"] for page in pages for one in page] == [one["id"] for one in answer["data"][:21]])
    created = [diamond["createdAt"] for diamond in answer["data"]]
    check(created == sorted(created, reverse=True), "the newest come first")


def check_filters(service: Service) -> None:
    everything = search(service, limit=100)
    for spelling in ("color", "color[]"):
        found = service.ask("GET", DIAMONDS, [(spelling, "D"), (spelling, "E"), ("limit", 100)]).data
        check({one["color"] for one in found} <= {"D", "E"})
        check(len(found) == sum(one.get("color") in {"D", "E"} for one in everything), spelling)
    for text, grown in (("true", True), ("false", False)):
        found = search(service, lab_grown=text, limit=100)
        check(len(found) == sum(one["labGrown"] is grown for one in everything), text)
    middle = sorted(one["supplierPriceCents"] for one in everything)[len(everything) // 2]
    found = search(service, price_min=middle, price_max=middle, limit=100)
    check(found and all(one["supplierPriceCents"] == middle for one in found))
    carats = everything[0]["carats"]
    check(
        any(one["id"] == everything[0]["id"] for one in search(service, carat_min=carats, carat_max=carats, limit=100))
    )
    check(search(service, shape=everything[0]["shape"], unknown="x"))


def check_grades_are_sorted_by_rank(service: Service) -> None:
    for sort, field, scale in (("color", "color", COLORS), ("clarity", "clarity", CLARITIES)):
        for order in ("asc", "desc"):
            found = [one.get(field) for one in search(service, sort_by=sort, sort_order=order, limit=100)]
            ranks = [scale.index(grade) for grade in found if grade in scale]
            check(ranks == sorted(ranks, reverse=order == "desc"), (sort, order, found))
    for sort, field in (("supplier_price_cents", "supplierPriceCents"), ("carats", "carats"),
                        ("retail_price_cents", "retailPriceCents")):  # fmt: skip
        values = [one[field] for one in search(service, sort_by=sort, sort_order="asc", limit=100)]
        check(values == sorted(values), sort)


def check_errors_name_parameters(service: Service) -> None:
    wrong = service.ask("GET", DIAMONDS, [("limit", 101), ("color", "AA"), ("lab_grown", "no"), ("sort_by", "id")])
    check(set(wrong.refuses(400, "VALIDATION_ERROR")) == {"limit", "color", "lab_grown", "sort_by"})
    service.ask("GET", f"{DIAMONDS}/nothing").refuses(404, "NOT_FOUND")
    service.ask("GET", DIAMONDS, key="wrong").refuses(401, "UNAUTHORIZED")
    service.send("GET", DIAMONDS, "", b"", {}).refuses(401, "UNAUTHORIZED")


def check_supplier_price_requires_scope(service: Service, plain_key: str) -> None:
    found = service.ask("GET", DIAMONDS, key=plain_key).data
    check(found and not any(COST & set(one) for one in found))
    for query in (("price_min", 1), ("sort_by", "supplier_price_cents")):
        service.ask("GET", DIAMONDS, [query], key=plain_key).refuses(403, "FORBIDDEN")
    service.ask("POST", f"{DIAMONDS}/{found[0]['id']}/hold", key=plain_key).refuses(403, "FORBIDDEN")


def check_signatures_of_both_versions(service: Service) -> None:
    for version in (1, 2):
        check(service.send(*service.sign(version, "GET", DIAMONDS, "color[]=D&limit=1")).data is not None)
        posted = service.sign(version, "POST", "/api/v2/triggers/retry-workers", body={"run_id": "x"})
        check("run_id" in service.send(*posted).refuses(400, "VALIDATION_ERROR"))
    once = service.sign(2, "GET", DIAMONDS)
    check(service.send(*once).status == 200)
    service.send(*once).refuses(401, "UNAUTHORIZED")
    method, path, query, content, headers = service.sign(2, "GET", DIAMONDS)
    service.send(method, path, query, content, {**headers, "X-API-Key": "wrong"}).refuses(401, "UNAUTHORIZED")
    method, path, query, content, headers = service.sign(1, "GET", DIAMONDS)
    stale = {**headers, "X-Timestamp": str(int(headers["X-Timestamp"]) - 1)}
    service.send(method, path, query, content, stale).refuses(401, "UNAUTHORIZED")


def check_holds_and_purchases(service: Service) -> None:
    first, second, third = [one for one in search(service, limit=100) if one["availability"] == "available"][:3]
    check(service.ask("GET", f"{DIAMONDS}/{first['id']}").data["id"] == first["id"])
    told = service.ask("POST", f"{DIAMONDS}/{first['id']}/availability").data
    check((told["id"], told["availability"], "hold_id" in told) == (first["id"], "available", True), told)

    held = service.ask("POST", f"{DIAMONDS}/{first['id']}/hold").data
    check((held["denied"], held["until"][-1]) == (False, "Z"), held)
    check(service.ask("POST", f"{DIAMONDS}/{first['id']}/availability").data["availability"] == "on_hold")
    signed = service.sign(2, "POST", f"{DIAMONDS}/{first['id']}/hold")
    service.send(*signed).refuses(409, "CONFLICT")

    path, order = f"{DIAMONDS}/{second['id']}/purchase", {"destination_id": "shop", "reference": "r-1"}
    service.ask("POST", path, body=order).refuses(400, "BAD_REQUEST")
    named = {"X-Idempotency-Key": "order-1"}
    check("destination_id" in service.ask("POST", path, body={}, headers=named).refuses(400, "VALIDATION_ERROR"))
    bought = service.ask("POST", path, body=order, headers=named).data
    check({"id", "status"} <= set(bought), bought)
    check(service.ask("POST", path, body=order, headers=named).data == bought, "the same key, the same result")
    other = service.ask("POST", path, body={**order, "reference": "r-2"}, headers=named)
    check(other.refuses(409, "CONFLICT")["reason"] == "IDEMPOTENCY_MISMATCH")
    service.ask("POST", path, body=order, headers={"X-Idempotency-Key": "order-2"}).refuses(409, "CONFLICT")
    changed = {**order, "expected_price_cents": third["retailPriceCents"] + 1}
    path = f"{DIAMONDS}/{third['id']}/purchase"
    refused = service.ask("POST", path, body=changed, headers={"X-Idempotency-Key": "order-3"})
    check(refused.refuses(409, "CONFLICT")["reason"] == "PRICE_CHANGED")


def check_runs(service: Service) -> None:
    runs = service.ask("GET", "/api/v2/analytics/runs", [("run_type", "full"), ("status", "completed"), ("limit", 5)])
    check(set(runs.json) == {"data", "pagination"} and runs.data, runs.text)
    run = runs.data[0]["run_id"]
    for path in ("summary", f"runs/{run}", "suppliers", "consolidation"):
        check(service.ask("GET", f"/api/v2/analytics/{path}").data is not None, path)
    wrong = service.ask("GET", "/api/v2/analytics/runs", [("status", "gone"), ("started_after", "soon")])
    check(set(wrong.refuses(400, "VALIDATION_ERROR")) == {"status", "started_after"})
    listed = [service.ask("GET", f"/api/v2/triggers/failed-workers/{one['run_id']}").data for one in runs.data]
    check([one["run_id"] for one in listed] == [one["run_id"] for one in runs.data], listed)
    check(all(one["total_failed"] == len(one["workers"]) for one in listed), listed)
    workers = [worker for one in listed for worker in one["workers"]]
    check(workers and all(set(worker) == WORKER for worker in workers), listed)
    nobodys = "00000000-0000-4000-8000-000000000000"
    for trigger in ("consolidate", "retry-workers"):
        service.ask("POST", f"/api/v2/triggers/{trigger}", body={"run_id": nobodys}).refuses(404, "NOT_FOUND")
    wrong = service.ask("POST", "/api/v2/triggers/scheduler", body={"run_type": "half"})
    check("run_type" in wrong.refuses(400, "VALIDATION_ERROR"))
    check(service.ask("POST", "/api/v2/triggers/scheduler", body={"run_type": "incremental"}).data)


def main() -> None:
    given = json.load(sys.stdin)
    service = Service(given)
    for step in (
        check_health_is_public, check_search_format, check_filters, check_grades_are_sorted_by_rank,
        check_errors_name_parameters, check_signatures_of_both_versions, check_holds_and_purchases,
        check_runs,
    ):  # fmt: skip
        step(service)
        report(step.__name__.replace("_", " "))
    check_supplier_price_requires_scope(service, given["plain_key"])
    report("what the supplier asks is for few")


if __name__ == "__main__":
    main()
