// The shopper's holds and purchases. A purchase shows the diamond as it was bought.
import * as api from "./api.js";
import { element } from "./elements.js";
import { note, status } from "./live.js";
import { picture } from "./search_view.js";
import { color, origin, plain, title } from "./words.js";

/** @param {HTMLElement} view @param {AbortSignal} signal */
export async function showMine(view, signal) {
  const { holds, purchases } = await api.mine();
  if (signal.aborted) return;
  note(holds.map((hold) => hold.diamond));
  view.replaceChildren(
    element("h1", {}, "Holds and purchases"),
    element("h2", {}, "Holds"),
    holds.length
      ? element("ul", { className: "cards" }, ...holds.map(({ diamond, price }) => diamond && card(diamond, status(diamond), price.formatted)))
      : element("p", {}, "You hold no diamond."),
    element("h2", {}, "Purchases"),
    purchases.length
      ? element("ul", { className: "cards" }, ...purchases.map(({ diamond, purchaseState, price, reference }) =>
          card(diamond, element("span", { className: "status" }, `${plain(purchaseState)}${reference ? `, ${reference}` : ""}`), price.formatted)))
      : element("p", {}, "You have bought no diamond."),
  );
}

/** @param {import("./api.js").Card} diamond @param {Node} state @param {string} price */
function card(diamond, state, price) {
  const grades = [color(diamond), diamond.clarity, diamond.cut && plain(diamond.cut)].filter(Boolean).join(" · ");
  return element("li", { className: "card" },
    element("a", { href: `#/diamond/${encodeURIComponent(diamond.id)}` }, picture(diamond),
      element("div", { className: "facts" }, element("strong", {}, title(diamond)), element("span", {}, grades),
        element("span", { className: "soft" }, [origin(diamond.labGrown), diamond.certificate?.lab].filter(Boolean).join(" · ")),
        element("span", { className: "price" }, price))),
    element("div", { className: "more" }, state));
}
