// A shop's first steps: search, read the next page, and hold a stone for a customer. Every type here is generated from
// schema.graphql, so a field that goes away is an error of the compiler.
//
//   npm ci && npm run build && API_KEY=dia_live_... npm start -- http://localhost:3000
//
// Holding needs the scope holds:write; without it the stones are only shown.
import { Client, fetchExchange } from "@urql/core";
import { cacheExchange } from "@urql/exchange-graphcache";
import { graphql } from "./gql/index.js";

const SEARCH = graphql(`
  query Search($filter: DiamondFilter, $first: Int!, $after: String) {
    diamonds(filter: $filter, sort: { by: PRICE, direction: ASC }, first: $first, after: $after) {
      totalCount
      nodes {
        id
        shape
        carat
        color
        clarity
        availability
        price {
          cents
          formatted
        }
        certificate {
          lab
          number
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

const HOLD = graphql(`
  mutation Hold($diamondId: ID!) {
    holdCreate(input: { diamondId: $diamondId }) {
      hold {
        id
        state
        expiresAt
        diamond {
          id
          availability
        }
      }
      userErrors {
        field
        message
        code
      }
    }
  }
`);

const STONE = graphql(`
  query Stone($id: ID!) {
    diamond(id: $id) {
      id
      availability
    }
  }
`);

const [address = "http://localhost:3000"] = process.argv.slice(2);
const client = new Client({
  url: `${address}/graphql`,
  preferGetMethod: false, // by GET only registered documents are executed
  fetchOptions: { headers: { "X-API-Key": process.env.API_KEY ?? "" } },
  exchanges: [
    // Stones, holds and purchases are known by their global ids, wherever they appear; the rest are values of theirs.
    cacheExchange({
      keys: { Certificate: () => null, Money: () => null, DiamondConnection: () => null, PageInfo: () => null },
      resolvers: { Query: { diamond: (_parent, { id }) => ({ __typename: "Diamond", id: id as string }) } },
    }),
    fetchExchange,
  ],
});

/** The stones of a search, page after page, until there is none or the visitor stops. */
async function* search(first: number) {
  let after: string | null = null;
  do {
    const filter = { shapes: ["ROUND" as const, "OVAL" as const], carat: { min: 0.5 }, availability: ["AVAILABLE" as const] };
    const { data, error } = await client.query(SEARCH, { filter, first, after }).toPromise();
    if (!data?.diamonds) throw error ?? new Error("no answer");
    console.log(`A page of ${data.diamonds.nodes.length} of ${data.diamonds.totalCount} stones:`);
    yield* data.diamonds.nodes;
    after = data.diamonds.pageInfo.hasNextPage ? (data.diamonds.pageInfo.endCursor ?? null) : null;
  } while (after);
}

const stones = [];
for await (const stone of search(3)) {
  const report = stone.certificate ? `${stone.certificate.lab} ${stone.certificate.number}` : "no report";
  console.log(`  ${stone.carat.toFixed(2)} ct ${stone.shape} ${stone.color} ${stone.clarity}, ${report}: ${stone.price.formatted}`);
  if (stones.push(stone) === 6) break;
}

const [cheapest] = stones;
if (cheapest) {
  const { data, error } = await client.mutation(HOLD, { diamondId: cheapest.id }).toPromise();
  if (data?.holdCreate?.hold) {
    const { state, expiresAt } = data.holdCreate.hold;
    console.log(`Hold: ${state} until ${expiresAt}`);
    // The mutation has told the cache: no request is sent for this.
    const known = await client.query(STONE, { id: cheapest.id }, { requestPolicy: "cache-only" }).toPromise();
    console.log(`In the cache: ${known.data?.diamond?.availability}`);
  } else {
    console.log(`Hold: ${data?.holdCreate?.userErrors.map(({ code, message }) => `${code} ${message}`).join() ?? error?.message}`);
  }
}
