import { graphql } from "relay-runtime";

// relay-compiler makes generated/relay/shopQuery.graphql.js from this. A bundler with the Relay plugin replaces the literal.
export const shopQuery = () => graphql`
  query shopQuery($first: Int!) {
    diamonds(sort: { by: PRICE, direction: ASC }, first: $first) {
      nodes {
        supplierStoneId
        price {
          cents
        }
      }
    }
  }
`;
