"""Stone, offer and certificate ids: a reversible permutation of a stone's ordinal, so that lookups need no index.

Ids depend on the ordinal only: a stone has the same id for every seed. Stone ids are valid version 4 UUIDs. They sort by
`scramble(ordinal)`, which breaks ties in sorted lists.
"""

_BITS = 60
SCRAMBLE_MASK = (1 << _BITS) - 1
_FIRST = 0x9E3779B97F4A7C5
_SECOND = 0xD1B54A32D192ED0 | 1
_FIRST_INVERSE = pow(_FIRST, -1, 1 << _BITS)
_SECOND_INVERSE = pow(_SECOND, -1, 1 << _BITS)
_FOLD = 31  # at least half of the bits, so that a second fold reverses the first

_NUMBERS = 9_000_000_000
_FIRST_NUMBER = 1_000_000_000
_STRIDE = 4_182_935_117
_STRIDE_INVERSE = pow(_STRIDE, -1, _NUMBERS)

OFFER_PREFIX = "DIAMOND/"


def mix(value: int) -> int:
    """Hash an integer to 64 bits (finaliser of SplitMix64)."""
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9 & 0xFFFFFFFFFFFFFFFF
    value = (value ^ (value >> 27)) * 0x94D049BB133111EB & 0xFFFFFFFFFFFFFFFF
    return value ^ (value >> 31)


def scramble(ordinal: int) -> int:
    """Permute an ordinal to 60 bits. The order of the results is the order of the stone ids."""
    value = (ordinal + 1) * _FIRST & SCRAMBLE_MASK
    return (value ^ (value >> _FOLD)) * _SECOND & SCRAMBLE_MASK


def unscramble(value: int) -> int:
    value = (value & SCRAMBLE_MASK) * _SECOND_INVERSE & SCRAMBLE_MASK
    return ((value ^ (value >> _FOLD)) * _FIRST_INVERSE - 1) & SCRAMBLE_MASK


def stone_id(ordinal: int) -> str:
    """Stone id (a UUID) of an ordinal."""
    high = scramble(ordinal)
    low = mix(high)
    return (
        f"{high >> 28:08x}-{high >> 12 & 0xFFFF:04x}-4{high & 0xFFF:03x}"
        f"-{0x8000 | low >> 50:04x}-{low & 0xFFFFFFFFFFFF:012x}"
    )


def offer_id(ordinal: int) -> str:
    return OFFER_PREFIX + stone_id(ordinal)


def ordinal_of(text: str) -> int | None:
    """Ordinal of a stone id or an offer id. Returns None if the text is not an id of this supplier.

    The result may be beyond the number of stones.
    """
    text = text.removeprefix(OFFER_PREFIX).lower()
    try:
        high = int(text[0:8], 16) << 28 | int(text[9:13], 16) << 12 | int(text[15:18], 16)
    except ValueError:
        return None
    ordinal = unscramble(high)
    return ordinal if stone_id(ordinal) == text else None


def certificate_number(ordinal: int) -> str:
    """Certificate number of an ordinal: ten digits, unique."""
    return str(_FIRST_NUMBER + ordinal * _STRIDE % _NUMBERS)


def ordinal_of_certificate(number: str) -> int | None:
    if not (number.isascii() and number.isdigit()):
        return None
    ordinal = (int(number) - _FIRST_NUMBER) * _STRIDE_INVERSE % _NUMBERS
    return ordinal if certificate_number(ordinal) == number else None
