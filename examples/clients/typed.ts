import { Client, cacheExchange, fetchExchange } from "@urql/core";
import { graphql } from "./generated/gql/gql.js";

const client = new Client({
  url: `${process.env.API_URL}/graphql`,
  exchanges: [cacheExchange, fetchExchange],
  fetchOptions: { headers: { "X-API-Key": process.env.API_KEY ?? "" } },
  preferGetMethod: false,
});

const SHOP = graphql(`
  query Shop($first: Int!) {
    diamonds(sort: { by: PRICE, direction: ASC }, first: $first) {
      nodes {
        supplierStoneId
        updatedAt
        price {
          cents
        }
      }
    }
  }
`);

const { data, error } = await client.query(SHOP, { first: 2 }).toPromise();
if (error) throw error;

for (const stone of data?.diamonds?.nodes ?? []) {
  const cents: number | undefined = stone.price?.cents;
  console.log(stone.supplierStoneId, cents);
}
