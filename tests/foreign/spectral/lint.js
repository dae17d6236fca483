// Lints the OpenAPI document at DOCUMENT (in the environment) by Spectral's own rules, all of them; prints JSON.
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";

const rules = {
  // A mail address is for whoever runs the service to give.
  "contact-properties": "off",
  // The licence is named by its SPDX identifier, which 3.1 allows in place of an address.
  "license-url": "off",
  // What most people come for stands first.
  "openapi-tags-alphabetical": "off",
};
writeFileSync("ruleset.json", JSON.stringify({ extends: [["spectral:oas", "all"]], rules }));
const { stdout, stderr } = spawnSync(
  process.execPath,
  ["node_modules/@stoplight/spectral-cli/dist/index.js", "lint", "--format", "json", "--quiet", "--fail-severity", "hint",
    "--ruleset", "ruleset.json", process.env.DOCUMENT],
  { encoding: "utf8" },
);
try {
  console.log(JSON.stringify(JSON.parse(stdout).map(({ code, message, path }) => ({ code, message, path }))));
} catch {
  throw new Error(`Spectral printed no JSON: ${stdout}${stderr}`);
}
