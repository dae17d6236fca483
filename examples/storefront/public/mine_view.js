// View of the shopper's holds and purchases. A purchase shows the snapshot of the diamond.
import * as api from "./api.js";
import { element } from "./elements.js";
import { updateDiamonds, status } from "./live.js";
import { picture } from "./search_view.js";
import { color, origin, plain, title } from "./words.js";

/** @param {HTMLElement} view @param {AbortSignal} signal */
export async function showMine(view, signal) {
  const { holds, purchases } = await api.mine();
  if (signal.aborted) return;
  updateDiamonds(holds.map((hold) => hold.diamond));
  view.replaceChildren(
    element("h1", {}, "Holds and purchases"),
    element("h2", {}, "Holds"),
    holds.length
      ? element("ul", { className: "cards" }, ...holds.map(({ diamond, price }) => diamond && card(diamond.id, diamond, status(diamond), price.formatted)))
      : element("p", {}, "You hold no diamond."),
    element("h2", {}, "Purchases"),
    purchases.length
      ? element("ul", { className: "cards" }, ...purchases.map(({ diamondId, snapshot, state, price, reference }) =>
          snapshot && card(diamondId, snapshot, element("span", { className: "status" }, `${plain(state)}${reference ? `, ${reference}` : ""}`), price.formatted)))
      : element("p", {}, "You have bought no diamond."),
  );
}

/** @param {string} id @param {import("./api.js").Card | import("./api.js").Bought} diamond @param {Node} state @param {string} price */
function card(id, diamond, state, price) {
  const grades = [color(diamond), diamond.clarity, diamond.cut && plain(diamond.cut)].filter(Boolean).join(" · ");
  return element("li", { className: "card" },
    element("a", { href: `#/diamond/${encodeURIComponent(id)}` }, picture(diamond),
      element("div", { className: "facts" }, element("strong", {}, title(diamond)), element("span", {}, grades),
        element("span", { className: "soft" }, [origin(diamond.labGrown), diamond.certificate?.lab, "number" in (diamond.certificate ?? {}) && /** @type {import("./api.js").Bought} */ (diamond).certificate?.number].filter(Boolean).join(" · ")),
        element("span", { className: "price" }, price))),
    element("div", { className: "more" }, state));
}
