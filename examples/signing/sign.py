"""Send a signed request (version 2) with the standard library only.

CLIENT_ID=acme CLIENT_SECRET=... python sign.py GET 'https://host/api/v2/diamonds?color=D'
CLIENT_ID=acme CLIENT_SECRET=... python sign.py POST https://host/api/v2/triggers/scheduler '{"run_type":"full"}'
"""

import hashlib
import hmac
import os
import sys
import time
import urllib.error
import urllib.request
import uuid
from urllib.parse import urlsplit


def signed_headers(method: str, url: str, body: bytes, client_id: str, secret: str) -> dict[str, str]:
    """Return the signature headers of a request. Host, path and query are signed exactly as they are sent."""
    parts = urlsplit(url)
    timestamp, nonce = str(int(time.time())), str(uuid.uuid4())
    body_digest = hashlib.sha256(body).hexdigest()
    canonical = "\n".join(["v2", method, parts.netloc, parts.path or "/", parts.query, timestamp, nonce, body_digest])
    return {
        "X-Client-Id": client_id,
        "X-Timestamp": timestamp,
        "X-Nonce": nonce,
        "X-Signature-Version": "2",
        "X-Signature": hmac.new(secret.encode(), canonical.encode(), hashlib.sha256).hexdigest(),
    }


def main() -> int:
    """Send the request of the command line and print the response."""
    method, url, *rest = sys.argv[1:]
    body = rest[0].encode() if rest else b""
    headers = signed_headers(method, url, body, os.environ["CLIENT_ID"], os.environ["CLIENT_SECRET"])
    if body:
        headers["Content-Type"] = "application/json"
    request = urllib.request.Request(url, data=body or None, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            print(answer.read().decode())
            return 0
    except urllib.error.HTTPError as refusal:
        print(refusal.read().decode(), file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
