// GraphiQL with the examples as its tabs, and the key from the box above it in every request. The key is kept for this tab
// of the browser only.
const { GraphiQL, React, ReactDOM } = window;
const key = document.querySelector("#key");
const authorized = document.querySelector("#authorized");

const STORED = "diamond-inventory-key";
key.value = sessionStorage.getItem(STORED) ?? "";

async function ask(body, headers = {}) {
  const given = key.value.trim();
  const response = await fetch("/graphql", {
    method: "POST",
    headers: {
      Accept: "application/graphql-response+json, application/json",
      "Content-Type": "application/json",
      ...(given ? { "X-API-Key": given } : {}),
      ...headers,
    },
    body: JSON.stringify(body),
  });
  return response.json();
}

async function greet() {
  const given = key.value.trim();
  if (!given) {
    authorized.value = "Without a key only the schema can be read.";
    return;
  }
  const { data, errors } = await ask({ query: "{ me { clientId scopes { name } } }" });
  // The key may have been changed while this one was asked about.
  if (given === key.value.trim()) {
    authorized.value = data?.me
      ? `${data.me.clientId}: ${data.me.scopes.map((scope) => scope.name).join(", ")}`
      : (errors?.[0]?.message ?? "The key is not valid.");
  }
}

document.querySelector("#authorize").addEventListener("submit", (event) => event.preventDefault());
key.addEventListener("change", () => {
  sessionStorage.setItem(STORED, key.value.trim());
  void greet();
});
void greet();

const examples = await (await fetch("/graphql/page/examples.json")).json();
ReactDOM.createRoot(document.querySelector("#graphiql")).render(
  React.createElement(GraphiQL, {
    fetcher: (body, options) => ask(body, options?.headers),
    defaultTabs: examples.map(({ query, variables }) => ({
      query,
      variables: variables && JSON.stringify(variables, null, 2),
    })),
    defaultEditorToolsVisibility: true,
    isHeadersEditorEnabled: true,
    shouldPersistHeaders: false,
  }),
);
