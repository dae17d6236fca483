// Follows all diamonds at URL with the API key KEY, from the cursor AFTER on, until TOTAL events have come, and prints the
// first diamond of each as a line of JSON. Over a socket, which is cut off after every 20 events without a word, or as
// server-sent events (TRANSPORT=sse), which end as often. What is asked for again is what came after the last event: the
// clients send the variables as they are when they connect.
import { createClient as createStreams } from "graphql-sse";
import { createClient as createSockets } from "graphql-ws";
import WebSocket from "ws";

const { URL: url, KEY: key, AFTER: after, TOTAL: total, TRANSPORT: transport } = process.env;
const cutAfter = 20;
const request = {
  query: "subscription ($after: String) { diamondChanged(after: $after) { cursor diamondIds } }",
  variables: { after },
};

let seen = 0;
let cut = () => {};

function take(event) {
  request.variables.after = event.cursor;
  console.log(JSON.stringify(event.diamondIds[0]));
  seen += 1;
  return seen >= Number(total);
}

async function bySocket() {
  const client = createSockets({
    url: url.replace("http", "ws"),
    webSocketImpl: WebSocket,
    connectionParams: { apiKey: key },
    retryAttempts: Infinity,
    retryWait: () => new Promise((resolve) => setTimeout(resolve, 50)),
    shouldRetry: () => true,
    on: { connected: (socket) => (cut = () => socket.terminate()) },
  });
  let before = 0;
  for await (const { data, errors } of client.iterate(request)) {
    if (errors) throw new Error(JSON.stringify(errors));
    if (take(data.diamondChanged)) break;
    if (seen - before >= cutAfter) {
      before = seen;
      cut();
    }
  }
  await client.dispose();
}

async function byStream() {
  const client = createStreams({ url, headers: { "X-API-Key": key } });
  for (let done = false; !done; ) {
    let here = 0;
    for await (const { data, errors } of client.iterate(request)) {
      if (errors) throw new Error(JSON.stringify(errors));
      done = take(data.diamondChanged);
      here += 1;
      if (done || here >= cutAfter) break;
    }
  }
  client.dispose();
}

await (transport === "sse" ? byStream() : bySocket());
