import relay from "relay-runtime";
import shopQuery from "./generated/relay/shopQuery.graphql.js";

const { Environment, Network, RecordSource, Store, fetchQuery } = relay;

async function request({ text }, variables) {
  const response = await fetch(`${process.env.API_URL}/graphql`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-API-Key": process.env.API_KEY },
    body: JSON.stringify({ query: text, variables }),
  });
  return response.json();
}

const environment = new Environment({
  network: Network.create(request),
  store: new Store(new RecordSource()),
});

const data = await fetchQuery(environment, shopQuery, { first: 2 }).toPromise();

for (const stone of data.diamonds.nodes) console.log(stone.supplierStoneId, stone.price.cents);
