// Filter form: choices with counts, ranges, and sliders over ordered grades.
import { SCALES } from "./choice.js";
import { element } from "./elements.js";
import { plain, SHAPES } from "./words.js";

/**
 * @typedef {import("./choice.js").Choice} Choice
 * @typedef {(part: Partial<Choice>) => void} Change
 * @typedef {NonNullable<import("./api.js").Facets>["facets"]} Facets
 */

/** @param {{ value?: unknown, count: number }[]} buckets @param {unknown} value */
const count = (buckets, value) => buckets.find((bucket) => bucket.value === value)?.count ?? 0;

/** Create the filter form of a choice with the counts of its facets. @param {Choice} choice @param {Facets} facets @param {Change} change */
export function filters(choice, facets, change) {
  const labs = facets.certificateLabs.filter((bucket) => bucket.value).slice(0, 6);
  return element("form", { className: "filters", onsubmit: (/** @type {Event} */ event) => event.preventDefault() },
    group("Origin", [
      radio("origin", "", "All", choice.origin, null, () => change({ origin: "" })),
      radio("origin", "natural", "Natural", choice.origin, count(facets.labGrown, false), () => change({ origin: "natural" })),
      radio("origin", "lab", "Lab-grown", choice.origin, count(facets.labGrown, true), () => change({ origin: "lab" })),
    ]),
    group("Shape", SHAPES.map((shape) =>
      check("shapes", shape, plain(shape), choice.shapes, count(facets.shapes, shape), (shapes) => change({ shapes })))),
    range("Carat", "carat", choice.carat, facets.carat.quantiles, 0.01, (carat) => change({ carat })),
    range("Price, USD", "price", choice.price, dollars(facets.price.quantiles), 1, (price) => change({ price })),
    slider("Colour", "colors", choice.colors, facets.colors, (colors) => change({ colors })),
    slider("Clarity", "clarities", choice.clarities, facets.clarities, (clarities) => change({ clarities })),
    slider("Cut", "cuts", choice.cuts, facets.cuts, (cuts) => change({ cuts })),
    group("Laboratory", labs.map((bucket) =>
      check("labs", String(bucket.value), String(bucket.value), choice.labs, bucket.count, (values) => change({ labs: values })))),
    group("Delivery and returns", [
      ...[3, 5, 10].map((days) =>
        check("delivery", String(days), `Within ${days} days`, [String(choice.delivery)], null, (values) => change({ delivery: values.includes(String(days)) ? days : 0 }))),
      check("returnable", "1", "Returnable", choice.returnable ? ["1"] : [], null, (values) => change({ returnable: values.length > 0 })),
      check("spin", "1", "360° view", choice.spin ? ["1"] : [], null, (values) => change({ spin: values.length > 0 })),
    ]),
    group("Fancy colours", [
      check("fancy", "1", "Fancy colours only", choice.fancy ? ["1"] : [], null, (values) => change({ fancy: values.length > 0, colors: [] })),
    ]),
    element("p", {}, element("a", { href: "#/" }, "Clear all filters")),
  );
}

/** @param {{ min: { cents: number }, max: { cents: number } } | null | undefined} quantiles */
const dollars = (quantiles) => quantiles && { min: Math.floor(quantiles.min.cents / 100), max: Math.ceil(quantiles.max.cents / 100) };

/** @param {string} name @param {Node[]} choices */
const group = (name, choices) =>
  element("fieldset", {}, element("legend", {}, name), element("div", { className: "choices" }, ...choices));

/** @param {string} name @param {string} value @param {string} label @param {string} chosen @param {number | null} number @param {() => void} react */
function radio(name, value, label, chosen, number, react) {
  const input = element("input", { type: "radio", name, value, checked: chosen === value, onchange: react });
  return element("label", { className: "choice" }, input, label, number !== null && element("small", {}, number.toLocaleString("en")));
}

/** @param {string} name @param {string} value @param {string} label @param {string[]} chosen @param {number | null} number @param {(values: string[]) => void} react */
function check(name, value, label, chosen, number, react) {
  const input = element("input", {
    type: "checkbox", name, value, checked: chosen.includes(value),
    onchange: () => react(input.checked ? [...chosen, value] : chosen.filter((one) => one !== value)),
  });
  return element("label", { className: "choice" }, input, label, number !== null && element("small", {}, number.toLocaleString("en")));
}

/**
 * Create two number fields for a range. The placeholders are the limits of the matching diamonds.
 * @param {string} label @param {string} name @param {import("./choice.js").Range} chosen
 * @param {{ min: number, max: number } | null | undefined} limits @param {number} step
 * @param {(range: import("./choice.js").Range) => void} react
 */
function range(label, name, chosen, limits, step, react) {
  const field = (/** @type {"min" | "max"} */ end) =>
    element("input", {
      type: "number", name: `${name}-${end}`, min: 0, step, value: chosen[end] ?? "", placeholder: limits?.[end] ?? "",
      "aria-label": `${label}, ${end === "min" ? "from" : "to"}`,
      onchange: (/** @type {Event} */ event) => {
        const { value } = /** @type {HTMLInputElement} */ (event.target);
        const { [end]: _, ...rest } = chosen;
        react(value === "" ? rest : { ...rest, [end]: Number(value) });
      },
    });
  return element("fieldset", {}, element("legend", {}, label), element("div", { className: "range" }, field("min"), "to", field("max")));
}

/**
 * Create a slider with two ends over grades, the best first. The full range includes diamonds without a grade.
 * @param {string} label @param {"colors" | "clarities" | "cuts"} name @param {string[]} chosen
 * @param {{ value?: unknown, count: number }[]} buckets @param {(values: string[]) => void} react
 */
function slider(label, name, chosen, buckets, react) {
  const scale = /** @type {readonly string[]} */ (SCALES[name]);
  const last = scale.length - 1;
  const most = Math.max(1, ...buckets.map((bucket) => bucket.count));
  const at = [chosen.length ? scale.indexOf(chosen[0] ?? "") : 0, chosen.length ? scale.indexOf(chosen.at(-1) ?? "") : last];
  const marks = scale.map((grade, place) => {
    const number = count(buckets, grade);
    const meter = element("meter", { min: 0, max: most, value: number, title: `${plain(grade)}: ${number}` });
    return element("span", { "data-on": place >= (at[0] ?? 0) && place <= (at[1] ?? last) }, meter, name === "cuts" ? plain(grade) : grade);
  });
  const thumb = (/** @type {0 | 1} */ end) =>
    element("input", {
      type: "range", name: `${name}-${end ? "to" : "from"}`, min: 0, max: last, value: at[end],
      "aria-label": `${label}, ${end ? "lowest" : "best"} grade`, "aria-valuetext": plain(scale[at[end] ?? 0]),
      onchange: (/** @type {Event} */ event) => {
        const moved = Number(/** @type {HTMLInputElement} */ (event.target).value);
        const [from, to] = end ? [Math.min(at[0] ?? 0, moved), moved] : [moved, Math.max(at[1] ?? last, moved)];
        react(from === 0 && to === last ? [] : scale.slice(from, to + 1));
      },
    });
  return element("fieldset", {}, element("legend", {}, label), element("div", { className: "grades" }, ...marks),
    element("div", { className: "slider" }, thumb(0), thumb(1)));
}
