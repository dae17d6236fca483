// Lints the schema at SCHEMA (in the environment) by graphql-eslint's recommended and Relay rules; prints JSON.
import { readFileSync } from "node:fs";
import graphql from "@graphql-eslint/eslint-plugin";
import { Linter } from "eslint";

const path = process.env.SCHEMA;
const code = readFileSync(path, "utf8");
const rules = {
  ...graphql.configs["flat/schema-recommended"].rules,
  ...graphql.configs["flat/schema-relay"].rules,
  // Money, measurements, counts ... are values: they have no identity, so an id would be a lie.
  "@graphql-eslint/strict-id-in-types": "off",
  // Short lists with an end of their own (facets, partitions, rules) are lists; what has no end is a connection.
  "@graphql-eslint/relay-edge-types": [
    "error",
    // Entries of a history are values, too.
    { listTypeCanWrapOnlyEdgeType: false, shouldImplementNode: false },
  ],
  // Runs are history, read from the newest on: that connection goes forwards only, as Relay allows.
  "@graphql-eslint/relay-arguments": ["error", { includeBoth: false }],
};
const messages = new Linter({ cwd: "/" }).verify(
  code,
  [
    {
      files: ["**/*.graphql"],
      plugins: { "@graphql-eslint": graphql },
      languageOptions: { parser: graphql.parser, parserOptions: { graphQLConfig: { schema: path } } },
      rules,
    },
  ],
  { filename: path },
);
console.log(JSON.stringify(messages.map(({ ruleId, message, line }) => ({ rule: ruleId, message, line }))));
