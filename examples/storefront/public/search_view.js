// Search view: filters with counts, sorting, and diamonds as cards.
import * as api from "./api.js";
import { filter, read, sort, write } from "./choice.js";
import { compareBox } from "./comparison.js";
import { element, notify } from "./elements.js";
import { filters } from "./filters.js";
import { updateDiamonds, status } from "./live.js";
import { color, origin, plain, SORTS, title } from "./words.js";

/** @param {import("./api.js").Card | import("./api.js").Bought} diamond */
export function picture(diamond) {
  const image = diamond.images[0];
  return image
    ? element("img", { src: image.url, alt: image.altText, loading: "lazy", width: 400, height: 400 })
    : element("div", { className: "blank" }, "No picture");
}

/** @param {import("./api.js").Card} diamond */
function card(diamond) {
  const grades = [color(diamond), diamond.clarity, diamond.cut && plain(diamond.cut)].filter(Boolean).join(" · ");
  const ratio = diamond.measurements.ratio;
  return element("li", { className: "card", "data-diamond": diamond.id },
    element("a", { href: `#/diamond/${encodeURIComponent(diamond.id)}` }, picture(diamond),
      element("div", { className: "facts" },
        element("strong", {}, title(diamond)),
        element("span", {}, grades || "Grades not stated"),
        element("span", { className: "soft" }, [origin(diamond.labGrown), diamond.certificate?.lab, ratio && `ratio ${ratio.toFixed(2)}`, diamond.spin360 && "360°"].filter(Boolean).join(" · ")),
        element("span", { className: "price" }, diamond.price.formatted),
        element("span", { className: "soft" }, `${diamond.pricePerCarat.formatted} per carat`))),
    element("div", { className: "more" }, status(diamond), compareBox(diamond.id)));
}

/** @param {HTMLElement} view @param {URLSearchParams} address @param {AbortSignal} signal */
export async function showSearch(view, address, signal) {
  const choice = read(address);
  const apiFilter = filter(choice);
  const [page, found] = await Promise.all([api.search({ filter: apiFilter, sort: sort(choice) }), api.facets(apiFilter)]);
  if (signal.aborted) return;
  const change = (/** @type {Partial<import("./choice.js").Choice>} */ part) => {
    location.hash = `/?${write({ ...choice, ...part })}`;
  };
  const cards = element("ul", { className: "cards" });
  let after = page.pageInfo.endCursor;
  const more = element("button", { hidden: !page.pageInfo.hasNextPage, onclick: showMore }, "Show more");
  async function showMore() {
    more.disabled = true;
    try {
      const next = await api.search({ filter: apiFilter, sort: sort(choice), after: after ?? null });
      updateDiamonds(next.nodes);
      cards.append(...next.nodes.map(card));
      after = next.pageInfo.endCursor;
      more.hidden = !next.pageInfo.hasNextPage;
    } catch (error) {
      notify(/** @type {Error} */ (error).message);
    }
    more.disabled = false;
  }
  const order = element("select", { name: "sort", "aria-label": "Sort by", onchange: () => change({ sort: order.value }) },
    ...Object.entries(SORTS).map(([value, words]) => element("option", { value, selected: value === choice.sort }, words)));
  updateDiamonds(page.nodes);
  cards.append(...page.nodes.map(card));
  view.replaceChildren(element("div", { className: "search" },
    filters(choice, found.facets, change),
    element("section", { "aria-label": "Diamonds" },
      element("div", { className: "bar" },
        element("h1", { id: "total" }, `${page.totalCount.toLocaleString("en")} diamonds`), order),
      page.nodes.length ? cards : element("p", {}, "No diamond matches. Remove a filter."),
      element("p", {}, more))));
}
