import { createHash } from "node:crypto";
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { relayStylePagination } from "@apollo/client/utilities";

const client = new ApolloClient({
  link: ApolloLink.from([
    // Optional. The API stores no documents that clients register: the link sends each one in full after the first answer.
    new PersistedQueryLink({ sha256: (text) => createHash("sha256").update(text).digest("hex") }),
    new HttpLink({ uri: `${process.env.API_URL}/graphql`, headers: { "X-API-Key": process.env.API_KEY } }),
  ]),
  cache: new InMemoryCache({
    // The pages of one filter and sort are one list.
    typePolicies: { Query: { fields: { diamonds: relayStylePagination(["filter", "sort"]) } } },
  }),
});

const { data } = await client.query({
  query: gql`
    query Shop($first: Int!) {
      diamonds(sort: { by: PRICE, direction: ASC }, first: $first) {
        edges {
          cursor
          node {
            id
            supplierStoneId
            price {
              cents
            }
          }
        }
        pageInfo {
          hasNextPage
          endCursor
        }
      }
    }
  `,
  variables: { first: 2 },
});

for (const { node } of data.diamonds.edges) console.log(node.supplierStoneId, node.price.cents);
client.stop();
