// Search choice of the shopper: parse and write it as the query string of the page, and convert it to the API's filter.
import { CLARITIES, COLORS, CUTS } from "./words.js";

/**
 * @typedef {{ min?: number, max?: number }} Range
 * @typedef {object} Choice
 * @property {"" | "natural" | "lab"} origin
 * @property {string[]} shapes
 * @property {Range} carat
 * @property {Range} price in dollars
 * @property {string[]} colors from the best to the lowest; empty for all
 * @property {string[]} clarities
 * @property {string[]} cuts
 * @property {string[]} labs
 * @property {boolean} fancy
 * @property {boolean} spin with a 360-degree view
 * @property {boolean} returnable
 * @property {number} delivery maximum business days; 0 for any
 * @property {string} sort
 */

const LISTS = /** @type {const} */ (["shapes", "colors", "clarities", "cuts", "labs"]);
const RANGES = /** @type {const} */ (["carat", "price"]);

/** @param {URLSearchParams} address @returns {Choice} */
export function read(address) {
  const list = (/** @type {string} */ name) => address.get(name)?.split(",").filter(Boolean) ?? [];
  const range = (/** @type {string} */ name) => {
    const [min, max] = (address.get(name) ?? "").split("..").map((text) => (text ? Number(text) : undefined));
    return { ...(Number.isFinite(min) ? { min } : {}), ...(Number.isFinite(max) ? { max } : {}) };
  };
  const origin = address.get("origin");
  return {
    origin: origin === "natural" || origin === "lab" ? origin : "",
    shapes: list("shapes"),
    carat: range("carat"),
    price: range("price"),
    colors: list("colors"),
    clarities: list("clarities"),
    cuts: list("cuts"),
    labs: list("labs"),
    fancy: address.get("fancy") === "1",
    spin: address.get("spin") === "1",
    returnable: address.get("returnable") === "1",
    delivery: Number(address.get("delivery")) || 0,
    sort: address.get("sort") ?? "PRICE-ASC",
  };
}

/** @param {Choice} choice */
export function write(choice) {
  const address = new URLSearchParams();
  if (choice.origin) address.set("origin", choice.origin);
  for (const name of LISTS) if (choice[name].length) address.set(name, choice[name].join(","));
  for (const name of RANGES) {
    const { min, max } = choice[name];
    if (min !== undefined || max !== undefined) address.set(name, `${min ?? ""}..${max ?? ""}`);
  }
  for (const name of /** @type {const} */ (["fancy", "spin", "returnable"])) if (choice[name]) address.set(name, "1");
  if (choice.delivery) address.set("delivery", String(choice.delivery));
  if (choice.sort !== "PRICE-ASC") address.set("sort", choice.sort);
  return address.toString();
}

/** Convert a choice to the API's filter. By default the API finds available and held diamonds. @param {Choice} choice */
export function filter(choice) {
  const { min, max } = choice.price;
  /** @type {Record<string, unknown>} */
  const found = {};
  if (choice.origin) found.labGrown = choice.origin === "lab";
  for (const name of LISTS) if (choice[name].length) found[name === "labs" ? "certificateLabs" : name] = choice[name];
  if (Object.keys(choice.carat).length) found.carat = choice.carat;
  if (min !== undefined || max !== undefined) {
    found.price = { ...(min === undefined ? {} : { min: Math.round(min * 100) }), ...(max === undefined ? {} : { max: Math.round(max * 100) }) };
  }
  if (choice.spin) found.hasSpin360 = true;
  if (choice.returnable) found.returnable = true;
  if (choice.delivery) found.deliveryDays = { max: choice.delivery };
  if (choice.fancy) found.fancyIntensities = ["FAINT", "VERY_LIGHT", "LIGHT", "FANCY_LIGHT", "FANCY", "FANCY_INTENSE", "FANCY_VIVID", "FANCY_DEEP", "FANCY_DARK"];
  return /** @type {import("./api.js").SearchVariables["filter"]} */ (found);
}

/** @param {Choice} choice */
export function sort(choice) {
  const keys = choice.sort.split(",").map((key) => {
    const [by, direction] = key.split("-");
    return { by, direction };
  });
  return /** @type {import("./api.js").SearchVariables["sort"]} */ (keys);
}

export const SCALES = { colors: COLORS, clarities: CLARITIES, cuts: CUTS };
