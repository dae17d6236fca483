"""Idempotency key validation, for the REST header and the GraphQL argument."""

MAX_KEY_LENGTH = 200


def read_key(text: str) -> str:
    """Validate a key and strip the white space around it, as HTTP does for a header.

    Raises:
        ValueError: the key is empty, too long or not storable.
    """
    key = text.strip()
    if not key or not key.isprintable() or len(key) > MAX_KEY_LENGTH:
        raise ValueError(f"should hold 1 to {MAX_KEY_LENGTH} printable characters")
    return key


def read_header(text: str) -> str:
    """Validate the key of a header. Starlette decodes headers as Latin-1; clients send UTF-8.

    Raises:
        ValueError: see `read_key`.
    """
    try:
        return read_key(text.encode("latin-1").decode("utf-8"))
    except UnicodeDecodeError:
        return read_key(text)
