"""Nesting depth limit of JSON.

The limit of a parser depends on the interpreter's version, and later processing may have a lower limit. So requests of clients
have a fixed limit.
"""

import re

REQUEST_LEVELS = 64  # valid requests have fewer than ten levels
# A string is one token, so brackets inside it do not count.
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]', re.DOTALL)


def exceeds_depth(received: bytes, limit: int) -> bool:
    """Whether a JSON text has more than `limit` levels of lists and objects."""
    if received.count(b"[") + received.count(b"{") <= limit:  # cheap for most requests
        return False
    depth = 0
    for token in _TOKEN.finditer(received):
        depth += (token[0] in b"[{") - (token[0] in b"]}")
        if depth > limit:
            return True
    return False
