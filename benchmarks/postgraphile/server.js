// PostGraphile 4 as its documentation recommends it for production: no console, no query log, one pool.
//
// node server.js HOST PORT    environment: DATABASE_URL, SCHEMA, CONNECTIONS

"use strict";

const http = require("node:http");
const { Pool } = require("pg");
const { postgraphile } = require("postgraphile");
const ConnectionFilter = require("postgraphile-plugin-connection-filter");

const [host, port] = process.argv.slice(2);
const pool = new Pool({
  connectionString: process.env.DATABASE_URL,
  max: Number(process.env.CONNECTIONS),
  options: "-c jit=off",
});
const handler = postgraphile(pool, process.env.SCHEMA, {
  appendPlugins: [ConnectionFilter],
  disableQueryLog: true,
  dynamicJson: true,
  graphiql: false,
  ignoreRBAC: true,
  legacyRelations: "omit",
  simpleCollections: "omit",
});
const server = http.createServer((request, response) => {
  if (request.url === "/ready") {
    response.end("ready");
    return;
  }
  handler(request, response);
});

handler.getGraphQLSchema().then(() => server.listen(Number(port), host));
process.on("SIGTERM", () => process.exit(0));
