import type { CodegenConfig } from "@graphql-codegen/cli";

const config: CodegenConfig = {
  schema: "../../schema.graphql",
  documents: "shop.graphql",
  generates: {
    "types/operations.ts": {
      plugins: ["typescript", "typescript-operations"],
      config: {
        enumsAsTypes: true,
        onlyOperationTypes: true,
        strictScalars: true,
        scalars: { DateTime: "string", JSON: "unknown", Long: "number", UUID: "string" },
      },
    },
  },
};

export default config;
