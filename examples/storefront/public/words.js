// Display texts for values of the API.

export const SHAPES = /** @type {const} */ (["ROUND", "OVAL", "EMERALD", "PEAR", "PRINCESS", "RADIANT", "CUSHION", "MARQUISE", "HEART", "ASSCHER"]);
export const COLORS = /** @type {const} */ (["D", "E", "F", "G", "H", "I", "J", "K", "L", "M"]);
export const CLARITIES = /** @type {const} */ (["FL", "IF", "VVS1", "VVS2", "VS1", "VS2", "SI1", "SI2", "I1"]);
export const CUTS = /** @type {const} */ (["IDEAL", "EXCELLENT", "VERY_GOOD", "GOOD", "FAIR"]);

export const SORTS = /** @type {const} */ ({
  "PRICE-ASC": "Price, lowest first",
  "PRICE-DESC": "Price, highest first",
  "CARAT-DESC": "Weight, largest first",
  "PRICE_PER_CARAT-ASC": "Price per carat",
  "COLOR-ASC": "Colour, best first",
  "CLARITY-ASC": "Clarity, best first",
  "CUT-ASC,PRICE-ASC": "Cut, best first, then price",
  "DELIVERY-ASC,PRICE-ASC": "Delivery, fastest first, then price",
  "CREATED_AT-DESC": "Newest",
});

/** Format an enum value: `VERY_GOOD` as `Very good`. @param {unknown} value */
export function plain(value) {
  const text = String(value).replaceAll("_", " ").toLowerCase();
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** @param {import("./api.js").Card | import("./api.js").Bought} diamond */
export function color(diamond) {
  const fancy = diamond.fancyColor;
  const words = [fancy?.intensity, fancy?.overtone, fancy?.color].filter(Boolean).map(plain).join(" ");
  return words || diamond.color || null;
}

/** @param {import("./api.js").Card | import("./api.js").Bought} diamond */
export const title = (diamond) => `${diamond.carat.toFixed(2)} ct ${plain(diamond.shape)}`;

/** @param {boolean} labGrown */
export const origin = (labGrown) => (labGrown ? "Lab-grown" : "Natural");

/** Format the time until an instant as hours, minutes and seconds. @param {string} until @param {number} [now] */
export function remaining(until, now = Date.now()) {
  const seconds = Math.max(0, Math.round((Date.parse(until) - now) / 1000));
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return parts.map((part) => String(part).padStart(2, "0")).join(":");
}
