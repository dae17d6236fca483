// The state of each diamond that is shown: availability and hold, kept up to date by events, with a countdown.
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

/** Note diamonds as they are now. @param {(Card | null | undefined)[]} diamonds */
export function note(diamonds) {
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

/** Call a function after every change, until the view is left. @param {() => void} react @param {AbortSignal} signal */
export const onChange = (react, signal) => changed.addEventListener("change", react, { signal });

/** @param {string} id */
export const current = (id) => known.get(id);

/** An element that shows the state of a diamond and follows it. @param {Card} diamond */
export function status(diamond) {
  const made = element("span", { className: "status", "data-status": diamond.id });
  fill(made, known.get(diamond.id) ?? diamond);
  return made;
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

/** Follow the events of the shop. `reload` is called when some may have been missed. @param {() => void} reload */
export function follow(reload) {
  const source = new EventSource("/shop/events");
  let lost = false;
  source.onmessage = ({ data }) => {
    /** @type {Change} */
    const { kind, diamondIds, diamonds } = JSON.parse(data);
    if (kind === "RECONNECTED") return reload();
    const shown = diamonds.filter((diamond) => diamond && known.has(diamond.id));
    if (shown.length) note(shown);
    const gone = diamondIds.filter((id, at) => !diamonds[at] && known.has(id));
    note(gone.map((id) => ({ .../** @type {Card} */ (known.get(id)), availability: "UNAVAILABLE", hold: null })));
  };
  source.onerror = () => (lost = true);
  source.onopen = () => {
    document.body.dataset.live = "true";
    if (lost) reload();
    lost = false;
  };
}
