"""Supplier check: schema, negotiation, login, counts and lookup. It creates no hold and no order."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from inventory.core.checks import Check, DoctorReport
from inventory.core.errors import SupplierError, SupplierSchemaChanged, SupplierUnavailable, SupplierUnreached
from inventory.core.settings import Settings
from inventory.suppliers.limiter import LocalRateLimiter
from inventory.suppliers.nivoda.client import NivodaClient
from inventory.suppliers.nivoda.documents import SupplierOperation
from inventory.suppliers.nivoda.feed import NivodaFeed
from inventory.suppliers.nivoda.introspection import INTROSPECT
from inventory.suppliers.nivoda.operations import OPERATIONS
from inventory.suppliers.ports import Capabilities, StoneQuery

T = TypeVar("T")

_REQUESTS_PER_SECOND = 5.0
_PATIENCE_SECONDS = 60.0
_UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"
_UNREACHED = "Check NIVODA_ENDPOINT, and the network from here to it. If both are right, the supplier is away."
_AWAY = "The supplier is away or busy: repeat the command, and ask the supplier if it lasts. Runs wait and retry by themselves."
_CREDENTIALS = "Check NIVODA_ENDPOINT, NIVODA_USERNAME and NIVODA_PASSWORD."


async def examine(settings: Settings) -> DoctorReport:
    """Check the supplier of the settings with about ten requests.

    Raises:
        SettingsError: the endpoint or the credentials are not set.
    """
    rate = min(_REQUESTS_PER_SECOND, settings.nivoda.requests_per_second)
    async with NivodaClient.open(
        settings.nivoda, LocalRateLimiter(rate, 1), patience_seconds=_PATIENCE_SECONDS
    ) as client:
        feed = NivodaFeed(client, dimension=settings.nivoda.partition_dimension)
        return await _SupplierCheck(settings, client, feed).report()


class _SupplierCheck:
    """One run of the checks. A check is skipped if a check that it depends on has failed."""

    def __init__(self, settings: Settings, client: NivodaClient, feed: NivodaFeed) -> None:
        self._settings = settings
        self._client = client
        self._feed = feed
        self._checks: list[Check] = []
        self._facts: dict[str, object] = {}

    async def report(self) -> DoctorReport:
        await self._schema()
        if await self._try("login", self._login, _CREDENTIALS) is not None:
            offered = await self._try(
                "capabilities", self._capabilities, "Compare the supplier's schema with the message."
            )
            if offered is not None:
                await self._try(
                    "counts", lambda: self._counts(offered), "Read the message; then run the command again."
                )
                await self._try("lookup", self._lookup, "Until this works, no stone is deleted.")
        self._operations()
        self._limits()
        endpoint = self._settings.nivoda.endpoint
        subject = f"Supplier {endpoint}, divided by {self._settings.nivoda.partition_dimension}"
        return DoctorReport(subject=subject, checks=self._checks, facts=self._facts)

    async def _try(self, name: str, step: Callable[[], Awaitable[T]], next_step: str) -> T | None:
        try:
            return await step()
        except SupplierError as error:
            if isinstance(error, SupplierUnreached):
                next_step = _UNREACHED
            elif isinstance(error, SupplierUnavailable):
                next_step = _AWAY
            self._add(Check(name=name, state="failed", detail=f"{error.code}: {error.message}", next_step=next_step))
            return None

    def _add(self, check: Check) -> None:
        self._checks.append(check)

    async def _schema(self) -> None:
        view = await self._client.schema.view()
        source = self._client.schema.source
        types = len(view.objects) + len(view.inputs) + len(view.enums)
        self._facts["schema_source"] = source
        if source == "introspection":
            self._facts["schema_types"] = types
            self._add(Check(name="introspection", state="ok", detail=f"{types} types"))
            return
        self._add(
            Check(
                name="introspection",
                state="degraded",
                detail=f"not answered: {self._client.schema.problem}",
                next_step="The published types are assumed, and the supplier's rejections correct them.",
            )
        )

    async def _login(self) -> bool:
        seconds = await self._client.log_in()
        self._facts["token_seconds"] = seconds
        named = f"the token is valid for {seconds:,.0f} s" if seconds else "the supplier names no lifetime of the token"
        self._add(Check(name="login", state="ok", detail=named))
        return True

    async def _capabilities(self) -> Capabilities:
        offered = await self._feed.capabilities()
        self._facts["capabilities"] = offered
        lacking = offered.differences
        detail = f"{len(lacking)} members are not offered" if lacking else "everything that is read is offered"
        self._add(
            Check(
                name="capabilities",
                state="degraded" if lacking else "ok",
                detail=detail,
                items=lacking,
                next_step="The sync continues without them." if lacking else "",
            )
        )
        yes_no = {True: "yes", False: "no"}
        self._add(
            Check(
                name="filters",
                state="ok",
                detail=f"by change: {yes_no[offered.windows]}, by weight: {yes_no[offered.carats]}, by origin: "
                f"{yes_no[offered.origin]}, ordered by price: {yes_no[offered.price_order]}, lookup: {offered.lookup}",
            )
        )
        return offered

    async def _counts(self, offered: Capabilities) -> bool:
        total = await self._feed.count(StoneQuery())
        priced = await self._feed.count(StoneQuery(price_from=0))
        counts = {"total": total, "priced": priced}
        if offered.origin:
            counts["natural"] = await self._feed.count(StoneQuery(lab_grown=False))
            counts["lab_grown"] = await self._feed.count(StoneQuery(lab_grown=True))
        self._facts["counts"] = counts
        shown = ", ".join(f"{name.replace('_', '-')} {count:,}" for name, count in counts.items())
        odd = priced > total or (offered.origin and counts["natural"] + counts["lab_grown"] != total)
        self._add(
            Check(
                name="counts",
                state="degraded" if odd else "ok",
                detail=shown,
                next_step="The counts do not add up. The feed may be moving: run the command again." if odd else "",
            )
        )
        return True

    async def _lookup(self) -> bool:
        page = await self._feed.page(StoneQuery(price_from=0), 0, 1)
        if not page.items:
            self._add(Check(name="lookup", state="skipped", detail="the feed shows no stone to look up"))
            return True
        found = await self._feed.lookup([_UNKNOWN_ID], [page.items[0].supplier_stone_id])
        works = _UNKNOWN_ID in found.absent
        self._add(
            Check(
                name="lookup",
                state="ok" if works else "degraded",
                detail="an unknown stone is absent beside a known one"
                if works
                else "the absence of a stone is not proven",
                next_step="" if works else "Until this works, no stone is deleted.",
            )
        )
        return True

    def _operations(self) -> None:
        states: dict[str, str] = {}
        problems: list[str] = []
        for operation in OPERATIONS:
            if operation is INTROSPECT:
                continue
            states[operation.name], problem = self._operation(operation)
            problems += problem
        self._facts["operations"] = states
        failed = any(state == "failed" for state in states.values())
        lacking = any(state == "degraded" for state in states.values())
        self._add(
            Check(
                name="operations",
                state="failed" if failed else "degraded" if lacking else "ok",
                detail=f"{sum(state != 'failed' for state in states.values())} of {len(states)} can be sent",
                items=problems,
            )
        )

    def _operation(self, operation: SupplierOperation[object]) -> tuple[str, list[str]]:
        try:
            negotiated = self._client.schema.negotiated(operation, self._client.schema.present())
        except SupplierSchemaChanged as error:
            return "failed", [f"{operation.name}: {error.message}"]
        return ("degraded" if negotiated.differences else "ok"), []

    def _limits(self) -> None:
        settings = self._settings
        self._facts["limits"] = {
            "requests_per_second": settings.nivoda.requests_per_second,
            "burst": settings.nivoda.burst,
            "named_by_the_supplier": self._client.limits,
        }
        named = [f"{name}: {value}" for name, value in self._client.limits.items()]
        self._add(
            Check(
                name="limits",
                state="ok",
                detail=f"at most {settings.nivoda.requests_per_second:g} requests/s are sent (NIVODA_REQUESTS_PER_SECOND); "
                + ("the supplier's headers name:" if named else "the supplier's headers name no limit"),
                items=named,
            )
        )
