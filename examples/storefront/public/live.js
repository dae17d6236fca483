// Live state of displayed diamonds: availability and hold, updated by events, with a countdown.
import { element } from "./elements.js";
import { remaining } from "./words.js";

/**
 * @typedef {import("./api.js").Card} Card
 * @typedef {{ kind: string, diamondIds: string[], diamonds: (Card | null)[] }} Change
 */

/** @type {Map<string, Card>} */
const known = new Map();
const changed = new EventTarget();
const MOST = 2000;

/** Update the stored state of diamonds and their displayed status. @param {(Card | null | undefined)[]} diamonds */
export function updateDiamonds(diamonds) {
  for (const diamond of diamonds) {
    if (!diamond) continue;
    known.delete(diamond.id);
    known.set(diamond.id, { ...known.get(diamond.id), ...diamond });
    for (const shown of document.querySelectorAll(`[data-status="${CSS.escape(diamond.id)}"]`)) fill(shown, diamond);
  }
  for (const id of known.keys()) {
    if (known.size <= MOST) break;
    known.delete(id);
  }
  changed.dispatchEvent(new Event("change"));
}

/** Call a function after every change until the signal aborts. @param {() => void} react @param {AbortSignal} signal */
export const onChange = (react, signal) => changed.addEventListener("change", react, { signal });

/** @param {string} id */
export const current = (id) => known.get(id);

/** Create an element that shows the status of a diamond and is updated with it. @param {Card} diamond */
export function status(diamond) {
  const node = element("span", { className: "status", "data-status": diamond.id });
  fill(node, known.get(diamond.id) ?? diamond);
  return node;
}

/** @param {Element} shown @param {Card} diamond */
function fill(shown, diamond) {
  const hold = diamond.availability === "ON_HOLD" ? diamond.hold : null;
  shown.setAttribute("data-state", diamond.availability);
  const words = { AVAILABLE: "Available", ON_HOLD: "On hold", SOLD: "Sold", UNAVAILABLE: "Not available" };
  shown.replaceChildren(hold?.mine ? "Held for you" : words[diamond.availability]);
  if (hold) shown.append(", ", element("span", { "data-until": hold.until }, remaining(hold.until)), " left");
}

setInterval(() => {
  for (const shown of document.querySelectorAll("[data-until]")) {
    shown.textContent = remaining(shown.getAttribute("data-until") ?? "");
  }
}, 1000);

/** Subscribe to the events of the shop. `reload` is called if events may have been lost. @param {() => void} reload */
export function follow(reload) {
  const source = new EventSource("/shop/events");
  let lost = false;
  source.onmessage = ({ data }) => {
    /** @type {Change} */
    const { kind, diamondIds, diamonds } = JSON.parse(data);
    if (kind === "RECONNECTED") return reload();
    const shown = diamonds.filter((diamond) => diamond && known.has(diamond.id));
    if (shown.length) updateDiamonds(shown);
    const gone = diamondIds.filter((id, at) => !diamonds[at] && known.has(id));
    updateDiamonds(gone.map((id) => ({ .../** @type {Card} */ (known.get(id)), availability: "UNAVAILABLE", hold: null })));
  };
  source.onerror = () => (lost = true);
  source.onopen = () => {
    document.body.dataset.live = "true";
    if (lost) reload();
    lost = false;
  };
}
