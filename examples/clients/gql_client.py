import asyncio
import os

from gql import Client, gql
from gql.transport.httpx import HTTPXAsyncTransport

SHOP = gql("""
    query Shop($first: Int!) {
      diamonds(sort: {by: PRICE, direction: ASC}, first: $first) {
        nodes { supplierStoneId price { cents } }
      }
    }
""")


async def main() -> None:
    transport = HTTPXAsyncTransport(
        url=f"{os.environ['API_URL']}/graphql", headers={"X-API-Key": os.environ["API_KEY"]}, timeout=30
    )
    # fetch_schema_from_transport reads the schema of the server where introspection is allowed.
    async with Client(transport=transport) as session:
        SHOP.variable_values = {"first": 2}
        data = await session.execute(SHOP)
    for stone in data["diamonds"]["nodes"]:
        print(stone["supplierStoneId"], stone["price"]["cents"])


asyncio.run(main())
