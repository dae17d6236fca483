// The properties of a diamond, in groups, as the detail page and the comparison show them.
import { color, origin, plain } from "./words.js";

/**
 * @typedef {import("./api.js").Details} Details
 * @typedef {[name: string, value: string | null]} Row
 */

/** @param {unknown} value @param {string} [unit] */
const number = (value, unit = "") => (typeof value === "number" ? `${value.toFixed(2).replace(/\.?0+$/, "")}${unit}` : null);

/** @param {unknown} value */
const word = (value) => (value ? plain(value) : null);

/** @param {unknown} value */
const yes = (value) => (typeof value === "boolean" ? (value ? "Yes" : "No") : null);

/** @param {unknown} value */
const text = (value) => (typeof value === "string" && value ? value : null);

/** @param {any} delivery */
const days = (delivery) =>
  delivery?.maxDays ? `${delivery.minDays ?? 1} to ${delivery.maxDays} business days${delivery.express ? ", express possible" : ""}` : null;

/** All properties in groups; null where nothing is stated. @param {Details} diamond @returns {Record<string, Row[]>} */
export function properties(diamond) {
  const { measurements: size, certificate } = diamond;
  const more = /** @type {Record<string, any>} */ (diamond.attributes ?? {});
  const details = /** @type {Record<string, any>} */ (size.details ?? {});
  const sides = [size.lengthMm, size.widthMm, size.heightMm].map((side) => number(side));
  return {
    Grades: [
      ["Carat", diamond.carat.toFixed(2)],
      ["Colour", color(diamond)],
      ["Clarity", diamond.clarity ?? null],
      ["Cut", word(diamond.cut)],
      ["Polish", word(diamond.polish)],
      ["Symmetry", word(diamond.symmetry)],
      ["Fluorescence", [word(diamond.fluorescence), word(diamond.fluorescenceColor)].filter(Boolean).join(", ") || null],
      ["Eye-clean", yes(diamond.eyeClean)],
    ],
    Size: [
      ["Measurements", sides.every(Boolean) ? `${sides.join(" × ")} mm` : null],
      ["Ratio", typeof size.ratio === "number" ? size.ratio.toFixed(2) : null],
      ["Table", number(size.tablePercent, " %")],
      ["Depth", number(size.depthPercent, " %")],
      ["Crown", [number(details.crownAngle, "°"), number(details.crownHeight, " %")].filter(Boolean).join(", ") || null],
      ["Pavilion", [number(details.pavAngle, "°"), number(details.pavDepth, " %")].filter(Boolean).join(", ") || null],
      ["Girdle", text(details.girdle)],
      ["Culet", text(details.culetSize)],
    ],
    Origin: [
      ["Origin", origin(diamond.labGrown)],
      ["Growth", text(more.labGrownType)],
      ["Treated", yes(diamond.treated)],
      ["Mine", text(more.mineOfOrigin)],
    ],
    "Report and terms": [
      ["Laboratory", certificate?.lab ?? null],
      ["Report number", certificate?.number ?? null],
      ["Key to symbols", text(more.keyToSymbols)],
      ["Delivery", days(more.deliveryTime)],
      ["Returns", typeof more.returnDays === "number" ? (more.returnDays ? `within ${more.returnDays} days` : "no returns") : null],
    ],
  };
}
