"""How deep JSON is nested.

Where a parser gives up depends on the interpreter's version, and what comes after it may give up earlier. So code that reads what
clients send has a fixed bound.
"""

import re

REQUEST_LEVELS = 64  # of what clients send; nothing that is asked for here has ten
# Strings are taken whole, so brackets inside them do not count.
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]', re.DOTALL)


def deeper(received: bytes, most: int) -> bool:
    """Whether there are more than `most` levels of lists and objects. Costs next to nothing where there are few of them."""
    if received.count(b"[") + received.count(b"{") <= most:
        return False
    depth = 0
    for token in _TOKEN.finditer(received):
        depth += (token[0] in b"[{") - (token[0] in b"]}")
        if depth > most:
            return True
    return False
