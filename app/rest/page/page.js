// Shows /openapi.json and sends requests to the server that this page comes from. Keeps the key in memory only.

let key = "";

const make = (tag, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};

const resolve = (api, schema) =>
  schema?.$ref ? schema.$ref.slice(2).split("/").reduce((part, name) => part[name], api) : schema;

// A body to begin with: each required field with something of its type.
const example = (api, given) => {
  const schema = resolve(api, given);
  if (schema.enum) return schema.enum[0];
  if (schema.anyOf) return example(api, schema.anyOf[0]);
  if (schema.type === "object") {
    const required = Object.entries(schema.properties ?? {}).filter(([name]) => schema.required?.includes(name));
    return Object.fromEntries(required.map(([name, property]) => [name, example(api, property)]));
  }
  if (schema.format === "uuid") return "00000000-0000-0000-0000-000000000000";
  if (schema.minLength) return "text";
  return { boolean: false, integer: 0, number: 0, array: [] }[schema.type] ?? "";
};

// What a value looks like: members with their types, `?` behind those that may be missing.
const sketch = (api, given, indent = "") => {
  const schema = resolve(api, given);
  if (schema.anyOf) return schema.anyOf.map((one) => sketch(api, one, indent)).join(" | ");
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.type === "array") return `[${sketch(api, schema.items ?? {}, indent)}, …]`;
  if (schema.properties && indent.length < 20) {
    const members = Object.entries(schema.properties).map(([name, property]) =>
      `${indent}  ${name}${schema.required?.includes(name) ? "" : "?"}: ${sketch(api, property, `${indent}  `)}`);
    return `{\n${members.join("\n")}\n${indent}}`;
  }
  return schema.format ?? schema.type ?? "anything";
};

const field = (parameter) => {
  const input = make("input", { name: parameter.name, required: parameter.required ?? false });
  const choices = parameter.schema.enum ?? parameter.schema.items?.enum;
  if (choices) input.placeholder = choices.slice(0, 4).join(", ") + (choices.length > 4 ? ", …" : "");
  else if (parameter.schema.default !== undefined) input.placeholder = `${parameter.schema.default}`;
  const label = make("label", {}, make("code", { textContent: parameter.name }), input,
    make("small", { textContent: parameter.description }));
  return { parameter, input, label };
};

const send = async (path, method, fields, body) => {
  let address = path;
  const query = new URLSearchParams();
  const headers = key ? { "X-API-Key": key } : {};
  for (const { parameter, input } of fields) {
    const value = input.value.trim();
    if (parameter.in === "path") address = address.replace(`{${parameter.name}}`, encodeURIComponent(value));
    else if (parameter.in === "header") headers[parameter.name] = value;
    else if (value && parameter.schema.type === "array") {
      for (const part of value.split(",")) query.append(parameter.name, part.trim());
    } else if (value) query.set(parameter.name, value);
  }
  if ([...query].length) address += `?${query}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const answer = await fetch(address, { method, headers, body });
  const text = await answer.text();
  let shown = text;
  try { shown = JSON.stringify(JSON.parse(text), null, 2); } catch { /* not JSON: shown as it is */ }
  return `${method} ${address}\n${answer.status} ${answer.statusText}\n\n${shown}`;
};

const operation = (api, path, method, described) => {
  const fields = described.parameters.map(field);
  const bodySchema = described.requestBody?.content["application/json"].schema;
  const body = bodySchema &&
    make("textarea", { value: JSON.stringify(example(api, bodySchema), null, 2), ariaLabel: "Body" });
  const result = make("pre", { ariaLive: "polite" });
  const form = make("form", {}, ...fields.map(({ label }) => label), ...(body ? [body] : []),
    make("button", { textContent: "Send" }));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    result.textContent = "…";
    result.textContent = await send(path, method.toUpperCase(), fields, body?.value).catch((error) => `${error}`);
  });
  const answers = Object.entries(described.responses).flatMap(([status, { description, content }]) => {
    const shown = make("dd", { textContent: description });
    // Refusals all look alike; the page shows that once.
    const schema = status < "300" && content?.["application/json"]?.schema;
    if (schema) shown.append(make("pre", { className: "sketch", textContent: sketch(api, schema) }));
    return [make("dt", {}, make("code", { textContent: status })), shown];
  });
  return make("details", { id: described.operationId },
    make("summary", {}, make("span", { className: "method", textContent: method.toUpperCase() }),
      make("code", { textContent: path }), ` ${described.summary}`),
    make("div", {}, make("p", { textContent: described.description }), form, result, make("dl", {}, ...answers)));
};

document.querySelector("#authorize").addEventListener("submit", (event) => {
  event.preventDefault();
  key = document.querySelector("#key").value.trim();
  document.querySelector("#authorized").textContent = key ? "Requests are sent with this key." : "No key.";
});

const main = document.querySelector("#operations");
try {
  const api = await (await fetch("/openapi.json")).json();
  document.querySelector("#title").textContent = api.info.title;
  document.querySelector("#description").textContent = api.info.description;
  document.querySelector("#refusal pre").textContent = sketch(api, api.components.schemas.ErrorAnswer);
  document.querySelector("#signature p").textContent = api.components.securitySchemes.Signature.description;
  main.replaceChildren(...api.tags.flatMap(({ name, description }) => {
    const listed = Object.entries(api.paths).flatMap(([path, methods]) => Object.entries(methods)
      .filter(([, described]) => described.tags.includes(name))
      .map(([method, described]) => operation(api, path, method, described)));
    return [make("h2", { textContent: name }), make("p", { textContent: description }), ...listed];
  }));
} catch (error) {
  main.replaceChildren(make("p", { textContent: `The document can't be read: ${error}` }));
}
main.removeAttribute("aria-busy");
