// Runs every audit against the endpoint at URL with the API key KEY (both in the environment); prints a line of JSON for
// each.
import { serverAudits } from "graphql-http";

const { URL: url, KEY: key } = process.env;
const fetchFn = (input, init = {}) => {
  const headers = new Headers(init.headers);
  headers.set("x-api-key", key);
  return fetch(input, { ...init, headers });
};
for (const audit of serverAudits({ url, fetchFn })) {
  const result = await audit.fn();
  const reason = result.status === "ok" ? undefined : result.reason;
  console.log(JSON.stringify({ id: audit.id, name: audit.name, status: result.status, reason }));
}
