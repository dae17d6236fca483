"""`python -m examples.storefront`: the shop as a process. Its API key is the variable SHOP_API_KEY."""

import os
import sys
from typing import Annotated

import typer
import uvicorn

from examples.storefront.server import create_shop


def main(
    api: Annotated[str, typer.Option(help="Address of the API.")] = "http://127.0.0.1:3000",
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Port to listen on.")] = 3001,
) -> None:
    """Serve the shop at /shop in front of the API."""
    key = os.environ.get("SHOP_API_KEY")
    if not key:
        sys.exit(
            "SHOP_API_KEY is not set. Create a key: diamonds-app keys create shop --scope diamonds:read "
            "--scope holds:write --scope purchases:write"
        )
    print(f"Shop: http://{host}:{port}/shop (Ctrl-C stops it)", flush=True)
    uvicorn.run(
        create_shop(api, key), host=host, port=port, log_level="warning", access_log=False, timeout_graceful_shutdown=1
    )


if __name__ == "__main__":
    typer.run(main)
