import asyncio
import os

from generated.shop_client import Client


async def main() -> None:
    url = f"{os.environ['API_URL']}/graphql"
    async with Client(url=url, headers={"X-API-Key": os.environ["API_KEY"]}) as client:
        shop = await client.shop(first=2)
    for stone in shop.diamonds.nodes:
        print(stone.supplier_stone_id, stone.price.cents)


asyncio.run(main())
