"""The GraphQL documents that Nivoda is sent, each with the shape of its answer."""

from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, Any, Generic, NamedTuple, TypeVar

import msgspec

from inventory.suppliers.nivoda.error_entries import ErrorEntry
from inventory.suppliers.nivoda.errors import is_outage, is_unshowable
from inventory.suppliers.nivoda.filters import Dimension
from inventory.suppliers.nivoda.negotiation import Template

PAGE_LIMIT = 50
"""Most stones of one page, and most ids of one query."""

Answer = TypeVar("Answer")
_Counted = Annotated[int, msgspec.Meta(ge=0)]


class SupplierOperation(Generic[Answer]):
    """A document and how its answer's `data` is read. What a call varies goes into variables, never into the text."""

    def __init__(
        self,
        name: str,
        document: str,
        answer: type[Answer],
        *,
        required: Collection[str] = (),
        orders: Sequence[str] = (),
        logs_in: bool = False,
    ) -> None:
        """`required`, `orders`: as of `Template`. `logs_in`: it is sent with the credentials, and not inside `as(token)`."""
        self.name = name
        self.logs_in = logs_in
        self.template = Template(document, required, orders)
        self._decoder = msgspec.json.Decoder(answer)

    @property
    def document(self) -> str:
        """The document as it is sent where the schema offers everything."""
        return self.template.text

    def __repr__(self) -> str:
        return f"<Operation {self.name}>"

    def concerns_a_part(self, entry: ErrorEntry) -> bool:
        """Whether an error concerns a part of the answer, so that the rest of it counts."""
        del entry
        return False

    def read(self, data: msgspec.Raw, partial: Sequence[ErrorEntry] = ()) -> Answer:
        """Read the answer's `data`. `partial`: the errors that concern parts of it.

        Raises:
            msgspec.ValidationError: it has another shape. Null where stones or a count belong is such a case: taken for
                an empty page it would end the reading of a partition too early.
        """
        del partial
        return self._decoder.decode(data)


class PageOperation(SupplierOperation["AuthenticatedField[FoundItems]"]):
    """A page of items. An error of one item costs no other item."""

    def __init__(
        self, name: str, selection: str, required: Collection[str] = (), dimension: Dimension = "dollar_value"
    ) -> None:
        """`selection`: the fields of an item. `required`: the paths of those that an item can't do without.

        `dimension`: price or price per carat, by which the items are ordered.
        """
        super().__init__(
            name,
            _PAGE.replace("SELECTION", selection).replace("ORDER", _ORDERS[dimension][0]),
            AuthenticatedField[FoundItems],
            required=[f"diamonds_by_query.items.{path}" for path in required],
            orders=_ORDERS[dimension],
        )

    def concerns_a_part(self, entry: ErrorEntry) -> bool:
        return entry.item is not None or (not entry.path and is_unshowable(entry))

    def read(self, data: msgspec.Raw, partial: Sequence[ErrorEntry] = ()) -> "AuthenticatedField[FoundItems]":
        answer = super().read(data)
        answer.account.diamonds_by_query.errors = partial
        return answer


class OneItemOperation(SupplierOperation["OneItem"]):
    """One item by its stone's id. The supplier answers an id that it does not have with an error."""

    def __init__(self, name: str, selection: str, required: Collection[str] = ()) -> None:
        """As `PageOperation`."""
        paths = [f"get_diamond_by_id.{path}" for path in required]
        super().__init__(name, _ITEM.replace("SELECTION", selection), OneItem, required=paths)

    def concerns_a_part(self, entry: ErrorEntry) -> bool:
        return ("get_diamond_by_id" in entry.path and not is_outage(entry)) or (not entry.path and is_unshowable(entry))

    def read(self, data: msgspec.Raw, partial: Sequence[ErrorEntry] = ()) -> "OneItem":
        if partial:
            try:
                answer = super().read(data)
            except msgspec.ValidationError:
                answer = OneItem(account=OneItemFound(get_diamond_by_id=msgspec.Raw(b"null")))
            answer.errors = partial
            return answer
        return super().read(data)


# Best first. In another order a page is complete as well; only its place in the feed is another one.
_OTHER_ORDERS = ("createdAt", "size", "insert", "none")
_ORDERS: Mapping[Dimension, Sequence[str]] = {
    "dollar_value": ("price", *_OTHER_ORDERS),
    "dollar_per_carat": ("price_per_carat", "price", *_OTHER_ORDERS),
}

# `total_count` is not asked for: it is known to be wrong.
_PAGE = """
    query Page($token: String!, $query: DiamondQuery!, $offset: Int!, $limit: Int!) {
      as(token: $token) {
        diamonds_by_query(query: $query, offset: $offset, limit: $limit, order: {type: ORDER, direction: ASC}) {
          items { SELECTION }
        }
      }
    }
"""


_ITEM = """
    query Item($token: String!, $stone: ID!) {
      as(token: $token) { get_diamond_by_id(diamond_id: $stone) { SELECTION } }
    }
"""


class Session(msgspec.Struct):
    """A login's answer. `expires`: see `login.lifetime_seconds`."""

    token: str
    expires: Any = None

    def __repr__(self) -> str:
        return "Session(...)"


class Login(msgspec.Struct):
    username_and_password: Session


class Authenticated(msgspec.Struct):
    authenticate: Login


class AuthenticatedField(msgspec.Struct, Generic[Answer]):
    """Everything but the login is asked inside `as(token)`."""

    account: Answer = msgspec.field(name="as")


class Count(msgspec.Struct):
    diamonds_by_query_count: _Counted


class Items(msgspec.Struct, rename={"errors": "$errors"}):
    """The items of a page, each left as its own bytes: one that can't be understood must not spoil the others.

    `errors`: the errors of single items. They come from the answer's `errors[]`.
    """

    items: list[msgspec.Raw]
    errors: Sequence[ErrorEntry] = ()

    def error(self, position: int) -> ErrorEntry | None:
        """The first error of a position; one that names no position counts for all of them."""
        own = (entry for entry in self.errors if entry.item == position)
        return next(own, next((entry for entry in self.errors if entry.item is None), None))


class FoundItems(msgspec.Struct):
    diamonds_by_query: Items


class OneItemFound(msgspec.Struct):
    """The item as its own bytes; `null` where there is none."""

    get_diamond_by_id: msgspec.Raw


class OneItem(msgspec.Struct, rename={"errors": "$errors"}):
    """An item, or null and the errors that say why."""

    account: OneItemFound = msgspec.field(name="as")
    errors: Sequence[ErrorEntry] = ()


AUTHENTICATE = SupplierOperation(
    "authenticate",
    """
    query Authenticate($username: String!, $password: String!) {
      authenticate { username_and_password(username: $username, password: $password) { token expires } }
    }
    """,
    Authenticated,
    required=["authenticate.username_and_password.token"],
    logs_in=True,
)

COUNT = SupplierOperation(
    "diamonds_by_query_count",
    """
    query Count($token: String!, $query: DiamondQuery!) {
      as(token: $token) { diamonds_by_query_count(query: $query) }
    }
    """,
    AuthenticatedField[Count],
    required=["diamonds_by_query_count"],
)

_SELECTION = """
    id price discount diamond_price markup_price markup_discount
    diamond {
      id availability HoldId NivodaStockId supplierStockId image video eyeClean brown green blue gray milky
      bowtie mine_of_origin supplier_video_link approval_type final_price show_measurements
      show_certificate_number return_window CertificateType
      delivery_time { express_timeline_applicable min_business_days max_business_days }
      supplier { id name legal_name }
      certificate {
        id lab certNumber pdfUrl shape fullShape carats clarity cut polish symmetry color f_color f_intensity
        f_overtone floInt floCol labgrown labgrown_type treated verified length width depth depthPercentage
        table crownAngle crownHeight pavAngle pavHeight pavDepth girdle girdleCondition culetSize
        culet_condition cut_style keyToSymbols comments colorShade mix_tinge starLength lowerGirdle
        country_of_origin image video
        v360 { id url }
        product_images { id url loupe360_url type display_index }
        product_videos { id url loupe360_url type }
      }
    }
"""
_REQUIRED = ("id", "price", "diamond.id", "diamond.availability", "diamond.certificate.carats")

ITEM = OneItemOperation("get_diamond_by_id_item", _SELECTION, _REQUIRED)


class PageOperations(NamedTuple):
    """The documents of a page in one order.

    `smaller`: for items that `full` answers with null. A value that the supplier can't show takes its whole item along.
    """

    full: PageOperation
    smaller: tuple[PageOperation, ...]

    @classmethod
    def by(cls, dimension: Dimension) -> "PageOperations":
        name = "diamonds_by_query" if dimension == "dollar_value" else "diamonds_by_query_per_carat"
        return cls(
            PageOperation(name, _SELECTION, _REQUIRED, dimension),
            (
                PageOperation(f"{name}_ids_and_prices", "id price diamond { id }", (), dimension),
                PageOperation(f"{name}_stone_ids", "diamond { id }", (), dimension),
                PageOperation(f"{name}_offer_ids", "id", (), dimension),
            ),
        )


PAGES: Mapping[Dimension, PageOperations] = {
    "dollar_value": PageOperations.by("dollar_value"),
    "dollar_per_carat": PageOperations.by("dollar_per_carat"),
}
