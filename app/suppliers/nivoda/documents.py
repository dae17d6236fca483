"""The GraphQL documents that Nivoda is sent, each with the shape of its answer."""

from typing import Annotated, Any, Generic, TypeVar

import msgspec

PAGE_LIMIT = 50
"""Most stones of one page, and most ids of one query."""

Answer = TypeVar("Answer")
_Counted = Annotated[int, msgspec.Meta(ge=0)]


class Operation(Generic[Answer]):
    """A document and how its answer's `data` is read. What a call varies goes into variables, never into the text."""

    def __init__(self, name: str, document: str, answer: type[Answer]) -> None:
        self.name = name
        self.document = " ".join(document.split())
        self._decoder = msgspec.json.Decoder(answer)

    def __repr__(self) -> str:
        return f"<Operation {self.name}>"

    def read(self, data: msgspec.Raw) -> Answer:
        """Read the answer's `data`.

        Raises:
            msgspec.ValidationError: it has another shape. Null where stones or a count belong is such a case: taken for
                an empty page it would end the reading of a partition too early.
        """
        return self._decoder.decode(data)


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


class As(msgspec.Struct, Generic[Answer]):
    """Everything but the login is asked inside `as(token)`."""

    account: Answer = msgspec.field(name="as")


class Count(msgspec.Struct):
    diamonds_by_query_count: _Counted


class Items(msgspec.Struct):
    """The items of a page, each left as its own bytes: one that can't be understood must not spoil the others."""

    items: list[msgspec.Raw]


class Found(msgspec.Struct):
    diamonds_by_query: Items


AUTHENTICATE = Operation(
    "authenticate",
    """
    query Authenticate($username: String!, $password: String!) {
      authenticate { username_and_password(username: $username, password: $password) { token } }
    }
    """,
    Authenticated,
)

COUNT = Operation(
    "diamonds_by_query_count",
    """
    query Count($token: String!, $query: DiamondQuery!) {
      as(token: $token) { diamonds_by_query_count(query: $query) }
    }
    """,
    As[Count],
)

# `total_count` is not asked for: it is known to be wrong.
PAGE = Operation(
    "diamonds_by_query",
    """
    query Page($token: String!, $query: DiamondQuery!, $offset: Int!, $limit: Int!) {
      as(token: $token) {
        diamonds_by_query(query: $query, offset: $offset, limit: $limit, order: {type: price, direction: ASC}) {
          items {
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
          }
        }
      }
    }
    """,
    As[Found],
)
