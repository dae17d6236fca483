// Properties of a diamond in groups, for the detail view and the comparison view.
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

/** List all properties in groups; null if a value is not stated. @param {Details} diamond @returns {Record<string, Row[]>} */
export function properties(diamond) {
  const { measurements: size, certificate } = diamond;
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
      ["Crown", [number(size.crown?.angleDegrees, "°"), number(size.crown?.heightPercent, " %")].filter(Boolean).join(", ") || null],
      ["Pavilion", [number(size.pavilion?.angleDegrees, "°"), number(size.pavilion?.depthPercent, " %")].filter(Boolean).join(", ") || null],
      ["Girdle", text(size.girdle?.thickness)],
      ["Culet", text(size.culet?.size)],
    ],
    Origin: [
      ["Origin", origin(diamond.labGrown)],
      ["Growth", diamond.growthMethod ?? null],
      ["Treated", yes(diamond.treated)],
    ],
    "Report and terms": [
      ["Laboratory", certificate?.lab ?? null],
      ["Report number", certificate?.number ?? null],
      ["Stock number", diamond.stockNumber ?? null],
      ["Key to symbols", diamond.keyToSymbols?.join(", ") ?? null],
      ["Delivery", days(diamond.deliveryTime)],
      ["Returns", typeof diamond.returnWindowDays === "number" ? (diamond.returnWindowDays ? `within ${diamond.returnWindowDays} days` : "no returns") : null],
    ],
  };
}
