// Comparison list: up to four diamond ids, stored in the session of the window.
import { byId, element, notify } from "./elements.js";

const MOST = 4;
const STORED = "compared";

/** @returns {string[]} */
export const compared = () => JSON.parse(sessionStorage.getItem(STORED) ?? "[]");

/** @param {string[]} ids */
function store(ids) {
  sessionStorage.setItem(STORED, JSON.stringify(ids));
  count();
}

export function count() {
  byId("to-compare").textContent = `Compare (${compared().length})`;
}

/** @param {string} id */
export const removeFromComparison = (id) => store(compared().filter((one) => one !== id));

/** Create a checkbox that adds a diamond to the comparison. @param {string} id */
export function compareBox(id) {
  const input = element("input", {
    type: "checkbox", name: "compare", checked: compared().includes(id),
    onchange: () => {
      if (!input.checked) return removeFromComparison(id);
      if (compared().length >= MOST) {
        input.checked = false;
        return notify(`At most ${MOST} diamonds can be compared.`);
      }
      store([...compared(), id]);
    },
  });
  return element("label", {}, input, " Compare");
}
