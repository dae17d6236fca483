// Compares the schema in the file OLD with the one in the file NEW (both in the environment) as `graphql-inspector diff`
// does on the command line; prints its exit code and what it says as JSON. What was deprecated may go.
import { spawnSync } from "node:child_process";

const { OLD, NEW } = process.env;
const { status, stdout, stderr } = spawnSync(
  "node_modules/.bin/graphql-inspector",
  ["diff", OLD, NEW, "--rule", "suppressRemovalOfDeprecatedField"],
  { encoding: "utf8" },
);
console.log(JSON.stringify({ status, said: `${stdout}${stderr}` }));
