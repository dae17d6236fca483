"""GraphQL documents for Nivoda, each with the type of its answer."""

from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, Any, Generic, NamedTuple, TypeVar

import msgspec

from inventory.suppliers.nivoda.error_entries import ErrorEntry
from inventory.suppliers.nivoda.errors import is_outage, is_unshowable
from inventory.suppliers.nivoda.filters import Dimension
from inventory.suppliers.nivoda.negotiation import Template

PAGE_LIMIT = 50
"""Largest number of stones of a page, and of ids of a query."""

Answer = TypeVar("Answer")
_Counted = Annotated[int, msgspec.Meta(ge=0)]


class SupplierOperation(Generic[Answer]):
    """A document and the decoder of its answer's `data`. Values are always variables, never part of the text."""

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
        """`required`, `orders`: as of `Template`. `logs_in`: sent with the credentials, not inside `as(token)`."""
        self.name = name
        self.logs_in = logs_in
        self.template = Template(document, required, orders)
        self._decoder = msgspec.json.Decoder(answer)

    @property
    def document(self) -> str:
        """The document for a schema that offers every member."""
        return self.template.text

    def __repr__(self) -> str:
        return f"<Operation {self.name}>"

    def concerns_a_part(self, entry: ErrorEntry) -> bool:
        """Whether an error concerns a part of the answer only, so that the rest is valid."""
        del entry
        return False

    def read(self, data: msgspec.Raw, partial: Sequence[ErrorEntry] = ()) -> Answer:
        """Decode the answer's `data`. `partial`: errors that concern parts of it.

        Raises:
            msgspec.ValidationError: the data has another shape, such as null instead of items or a count. As an empty page,
                null would end the reading of a partition too early.
        """
        del partial
        return self._decoder.decode(data)


class PageOperation(SupplierOperation["AuthenticatedField[FoundItems]"]):
    """Operation for a page of items. An error of an item does not affect the others."""

    def __init__(
        self, name: str, selection: str, required: Collection[str] = (), dimension: Dimension = "dollar_value"
    ) -> None:
        """`selection`: fields of an item. `required`: paths of the required fields.

        `dimension`: order of the items, by price or by price per carat.
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
    """Operation for an item by the id of its stone. The supplier answers an unknown id with an error."""

    def __init__(self, name: str, selection: str, required: Collection[str] = ()) -> None:
        """`selection`, `required`: as of `PageOperation`."""
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


# In order of preference. Another order changes the position of a page in the feed, not its completeness.
_OTHER_ORDERS = ("createdAt", "size", "insert", "none")
_ORDERS: Mapping[Dimension, Sequence[str]] = {
    "dollar_value": ("price", *_OTHER_ORDERS),
    "dollar_per_carat": ("price_per_carat", "price", *_OTHER_ORDERS),
}

# `total_count` is not selected: it is known to be wrong.
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
    """Answer to a login. `expires`: see `login.lifetime_seconds`."""

    token: str
    expires: Any = None

    def __repr__(self) -> str:
        return "Session(...)"


class Login(msgspec.Struct):
    username_and_password: Session


class Authenticated(msgspec.Struct):
    authenticate: Login


class AuthenticatedField(msgspec.Struct, Generic[Answer]):
    """Answer of an operation inside `as(token)`, which includes all operations except the login."""

    account: Answer = msgspec.field(name="as")


class Count(msgspec.Struct):
    diamonds_by_query_count: _Counted


class Items(msgspec.Struct, rename={"errors": "$errors"}):
    """Items of a page as raw bytes, so that an invalid item does not affect the others.

    `errors`: errors of single items, from the answer's `errors[]`.
    """

    items: list[msgspec.Raw]
    errors: Sequence[ErrorEntry] = ()

    def error(self, position: int) -> ErrorEntry | None:
        """Return the first error of a position, or the first error without a position."""
        own = (entry for entry in self.errors if entry.item == position)
        return next(own, next((entry for entry in self.errors if entry.item is None), None))


class FoundItems(msgspec.Struct):
    diamonds_by_query: Items


class OneItemFound(msgspec.Struct):
    """The item as raw bytes; `null` if there is none."""

    get_diamond_by_id: msgspec.Raw


class OneItem(msgspec.Struct, rename={"errors": "$errors"}):
    """An item, or null and its errors."""

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
    """Documents of a page in an order.

    `smaller`: for items that `full` answers with null. A value that the supplier cannot show makes the whole item null.
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
