// Inventory: a faceted search with its filters in the address.
import { useQuery } from "../api.js";
import { count, counted, grade, money } from "../format.js";
import { html } from "../lib.js";
import { go, link } from "../router.js";
import { Badge, Gaps, Table } from "../ui.js";
import { describe } from "./trading.js";

const SEARCH = `query Search($filter: DiamondFilter!, $sort: [DiamondSort!], $after: String, $prices: Boolean!) {
  diamonds(filter: $filter, sort: $sort, first: 50, after: $after) {
    totalCount pageInfo { hasNextPage endCursor }
    nodes { databaseId shape carat color clarity cut labGrown availability price { formatted } supplierPrice @include(if: $prices) { formatted } certificate { lab number } }
    facets(disregardOwn: true) { shapes { value count } colors { value count } clarities { value count } labGrown { value count } }
  }
}`;
const SORTS = { "price-asc": "Price, lowest first", "price-desc": "Price, highest first", "carat-desc": "Carat, largest first", "created_at-desc": "Newest first" };
// Folded on a phone unless one is chosen.
const MORE = ["color", "clarity", "availability", "origin"];
const AVAILABILITY = ["AVAILABLE", "ON_HOLD", "SOLD", "UNAVAILABLE"];

export function Inventory({ query: address, caller }) {
  const may = caller.can("diamonds:read");
  const number = (name) => (address.get(name) ? Number(address.get(name)) : null);
  const range = (from, to, scale = 1) => (from === null && to === null ? null : { min: from === null ? null : Math.round(from * scale * 1000) / 1000, max: to === null ? null : Math.round(to * scale * 1000) / 1000 });
  const list = (name) => (address.getAll(name).length ? address.getAll(name) : null);
  const one = (name) => (address.get(name)?.trim() ? [address.get(name).trim()] : null);
  const sort = address.get("sort") ?? "price-asc";
  const [by, direction] = sort.toUpperCase().split("-");
  const given = {
    shapes: list("shape"), colors: list("color"), clarities: list("clarity"), availability: list("availability"),
    labGrown: address.get("origin") ? address.get("origin") === "lab" : null,
    carat: range(number("caratFrom"), number("caratTo")),
    price: range(number("priceFrom"), number("priceTo"), 100),
    certificateNumbers: one("certificate"),
    ids: one("id"),
  };
  // A report number names one diamond, so it is found when it is sold. With `ids` the API looks at every availability itself.
  if (given.certificateNumbers) given.availability ??= AVAILABILITY;
  const filter = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null));
  const query = useQuery(SEARCH, { filter, sort: { by, direction }, after: address.get("after"), prices: caller.can("prices:supplier") }, { skip: !may });
  if (!may) return html`<h1>Inventory</h1><p class="empty">The inventory needs a key with the scope diamonds:read.</p>`;
  const page = query.data?.diamonds;
  const wide = innerWidth > 600;
  const parameters = Object.fromEntries([...new Set(address.keys())].map((name) => [name, address.getAll(name)]));
  const at = (changes) => link("inventory", { ...parameters, after: null, ...changes });
  const search = (event) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    go(link("inventory", Object.fromEntries([...new Set(form.keys())].map((name) => [name, form.getAll(name)]))));
  };
  return html`<h1>Inventory</h1>
    <form class="card" key=${address.toString()} onSubmit=${search} aria-label="Search">
      <div class="fields">
        <label>Price from (USD)<input name="priceFrom" type="number" min="0" step="0.01" defaultValue=${address.get("priceFrom") ?? ""} /></label>
        <label>Price to (USD)<input name="priceTo" type="number" min="0" step="0.01" defaultValue=${address.get("priceTo") ?? ""} /></label>
        <label>Carat from<input name="caratFrom" type="number" min="0" step="0.001" defaultValue=${address.get("caratFrom") ?? ""} /></label>
        <label>Carat to<input name="caratTo" type="number" min="0" step="0.001" defaultValue=${address.get("caratTo") ?? ""} /></label>
        <label>Diamond id<input name="id" defaultValue=${address.get("id") ?? ""} /></label>
        <label>Report number<input name="certificate" defaultValue=${address.get("certificate") ?? ""} /></label>
        <label>Sort<select name="sort" value=${sort}>${Object.entries(SORTS).map(([value, text]) => html`<option key=${value} value=${value} selected=${value === sort}>${text}</option>`)}</select></label>
      </div>
      <${Facet} legend="Shape" name="shape" values=${page?.facets.shapes} chosen=${address.getAll("shape")} />
      <details class="more" open=${wide || MORE.some((name) => address.get(name))}><summary>Colour, clarity, availability, origin</summary>
      <${Facet} legend="Colour" name="color" values=${page?.facets.colors} chosen=${address.getAll("color")} />
      <${Facet} legend="Clarity" name="clarity" values=${page?.facets.clarities} chosen=${address.getAll("clarity")} />
      <${Facet} legend="Availability" name="availability" values=${AVAILABILITY.map((value) => ({ value }))} chosen=${address.getAll("availability")} />
      <fieldset><legend>Origin</legend><div class="choices">${[["", "Both"], ["natural", "Natural"], ["lab", "Lab-grown"]].map(([value, text]) => {
        const found = page?.facets.labGrown.find((one) => one.value === (value === "lab"));
        return html`<label key=${value} class="check"><input type="radio" name="origin" value=${value} defaultChecked=${(address.get("origin") ?? "") === value} /> ${text}${value && page ? ` (${count(found?.count ?? 0)})` : ""}</label>`;
      })}</div></fieldset></details>
      <div class="actions"><button class="primary">Search</button><a class="button" href="#/inventory">Clear</a></div>
    </form>
    <${Gaps} query=${query} />
    ${page && html`<p role="status"><strong>${counted(page.totalCount, "diamond")}</strong> found.</p>
      <${Table} caption="Diamonds" columns=${columns(caller)} rows=${page.nodes} keyOf=${(one) => one.databaseId} empty="No diamond matches." />
      <div class="actions">${address.get("after") && html`<a class="button" href=${at({})}>First page</a>`}${page.pageInfo.hasNextPage && html`<a class="button" href=${at({ after: page.pageInfo.endCursor })}>Next page</a>`}</div>`}`;
}

// Values with their counts, as if this facet had no choice yet. A chosen value stays visible when it has none.
function Facet({ legend, name, values, chosen }) {
  const shown = (values ?? []).filter((one) => one.value !== null && one.value !== "OTHER");
  const missing = chosen.filter((value) => !shown.some((one) => one.value === value)).map((value) => ({ value, count: values ? 0 : undefined }));
  return html`<fieldset><legend>${legend}</legend><div class="choices">
    ${[...shown, ...missing].map((one) => html`<label key=${one.value} class="check"><input type="checkbox" name=${name} value=${one.value} defaultChecked=${chosen.includes(one.value)} /> ${grade(one.value)}${one.count === undefined ? "" : ` (${count(one.count)})`}</label>`)}
  </div></fieldset>`;
}

const columns = (caller) => [
  { key: "diamond", label: "Diamond", show: (one) => describe(one) },
  { key: "cut", label: "Cut", show: (one) => (one.cut ? grade(one.cut) : "") },
  { key: "origin", label: "Origin", show: (one) => (one.labGrown ? "Lab-grown" : "Natural") },
  { key: "report", label: "Report", show: (one) => (one.certificate ? `${one.certificate.lab ?? ""} ${one.certificate.number ?? ""}` : "") },
  { key: "availability", label: "Availability", show: (one) => html`<${Badge} state=${one.availability} />` },
  caller.can("prices:supplier") && { key: "cost", label: "Supplier price", number: true, show: (one) => money(one.supplierPrice) },
  { key: "price", label: "Retail price", number: true, show: (one) => money(one.price) },
].filter(Boolean);
