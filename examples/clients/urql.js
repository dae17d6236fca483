import { Client, cacheExchange, fetchExchange, gql } from "@urql/core";

const client = new Client({
  url: `${process.env.API_URL}/graphql`,
  exchanges: [cacheExchange, fetchExchange],
  fetchOptions: { headers: { "X-API-Key": process.env.API_KEY } },
  preferGetMethod: false,
});

const { data, error } = await client
  .query(
    gql`
      query Shop($first: Int!) {
        diamonds(sort: { by: PRICE, direction: ASC }, first: $first) {
          nodes {
            supplierStoneId
            price {
              cents
            }
          }
        }
      }
    `,
    { first: 2 },
  )
  .toPromise();
if (error) throw error;

for (const stone of data.diamonds.nodes) console.log(stone.supplierStoneId, stone.price.cents);
