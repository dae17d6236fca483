import { createClient } from "graphql-sse";

const client = createClient({
  url: `${process.env.API_URL}/graphql`,
  headers: { "X-API-Key": process.env.API_KEY },
});

const query = "{ eventCursor diamonds(sort: {by: PRICE, direction: ASC}, first: 2) { nodes { supplierStoneId price { cents } } } }";
let after;
for await (const { data, errors } of client.iterate({ query })) {
  if (errors) throw new Error(JSON.stringify(errors));
  after = data.eventCursor;
  for (const stone of data.diamonds.nodes) console.log(stone.supplierStoneId, stone.price.cents);
}

// What has happened since the query comes first, then what happens from now on.
const changes = client.iterate({
  query: "subscription ($after: String) { diamondChanged(after: $after) { cursor kind diamondIds } }",
  variables: { after },
});
console.log("subscribed");
for await (const { data, errors } of changes) {
  if (errors) throw new Error(JSON.stringify(errors));
  console.log(data.diamondChanged.kind);
  break;
}
client.dispose();
