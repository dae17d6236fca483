import type { CodegenConfig } from "@graphql-codegen/cli";

const config: CodegenConfig = {
  schema: "../../schema.graphql",
  documents: "typed.ts",
  generates: {
    "generated/gql/": {
      preset: "client",
      config: {
        enumsAsTypes: true,
        useTypeImports: true,
        strictScalars: true,
        // Cents stay below 2 ** 53, so a number carries them exactly.
        scalars: { DateTime: "string", JSON: "unknown", Long: "number", UUID: "string" },
      },
      presetConfig: { fragmentMasking: false },
    },
  },
  emitLegacyCommonJSImports: false,
};

export default config;
