// Comparison view: up to four diamonds side by side. Rows with different values are marked; missing values are labelled.
import * as api from "./api.js";
import { compared, removeFromComparison } from "./comparison.js";
import { element } from "./elements.js";
import { updateDiamonds, status } from "./live.js";
import { properties } from "./properties.js";
import { picture } from "./search_view.js";
import { title } from "./words.js";

/** @param {HTMLElement} view @param {AbortSignal} signal */
export async function showComparison(view, signal) {
  const ids = compared();
  const found = (ids.length ? await api.diamonds(ids) : []).filter((diamond) => diamond !== null);
  if (signal.aborted) return;
  if (!found.length) {
    view.replaceChildren(element("h1", {}, "Compare"), element("p", {}, "Tick “Compare” at up to four diamonds."));
    return;
  }
  updateDiamonds(found);
  const sheets = found.map((diamond) => Object.values(properties(diamond)).flat());
  const leave = (/** @type {string} */ id) => element("button", { onclick: () => { removeFromComparison(id); void showComparison(view, signal); } }, "Remove");
  const rows = (sheets[0] ?? []).map(([name], at) => {
    const values = sheets.map((sheet) => sheet[at]?.[1] ?? null);
    return element("tr", { className: new Set(values).size > 1 ? "differs" : "" }, element("th", { scope: "row" }, name),
      ...values.map((value) => element("td", value === null ? { className: "missing" } : {}, value ?? "not stated")));
  });
  view.replaceChildren(element("h1", {}, `Compare ${found.length} diamonds`),
    element("table", {},
      element("thead", {}, element("tr", {}, element("td"), ...found.map((diamond) => element("th", { scope: "col" }, picture(diamond),
        element("a", { href: `#/diamond/${encodeURIComponent(diamond.id)}` }, title(diamond)))))),
      element("tbody", {},
        element("tr", {}, element("th", { scope: "row" }, "Price"), ...found.map((diamond) => element("td", { className: "price" }, diamond.price.formatted))),
        element("tr", {}, element("th", { scope: "row" }, "Availability"), ...found.map((diamond) => element("td", {}, status(diamond)))),
        ...rows,
        element("tr", {}, element("td"), ...found.map((diamond) => element("td", {}, leave(diamond.id)))))));
}
