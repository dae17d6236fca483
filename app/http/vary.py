"""The Vary header of a response."""

from starlette.types import Message, Send


def varying(send: Send, field: bytes) -> Send:
    """Return a `send` that adds a request field to the Vary header of the response."""

    async def send_varying(message: Message) -> None:
        if message["type"] == "http.response.start":
            add_vary(message, field)
        await send(message)

    return send_varying


def add_vary(message: Message, field: bytes) -> None:
    """Add a request field to the Vary header of a message `http.response.start`, unless it is there."""
    headers = message.setdefault("headers", [])
    for number, (name, value) in enumerate(headers):
        if name == b"vary":
            if field.lower() not in value.lower():
                headers[number] = (name, value + b", " + field)
            return
    headers.append((b"vary", field))
