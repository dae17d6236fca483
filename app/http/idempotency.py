"""Idempotency keys: one rule for the header of REST and for the arguments of GraphQL."""

LONGEST_KEY = 200


def read_key(text: str) -> str:
    """The key without the white space around it, which HTTP cuts off in a header.

    Raises:
        ValueError: the key is empty, too long or not storable.
    """
    key = text.strip()
    if not key or not key.isprintable() or len(key) > LONGEST_KEY:
        raise ValueError(f"should hold 1 to {LONGEST_KEY} printable characters")
    return key


def read_header(text: str) -> str:
    """The key in the value of a header, which Starlette reads as Latin-1; clients send UTF-8.

    Raises:
        ValueError: as `read_key`.
    """
    try:
        return read_key(text.encode("latin-1").decode("utf-8"))
    except UnicodeDecodeError:
        return read_key(text)
