// DOM helpers: create elements, find elements, show a notification.

/**
 * Create an element with properties and children. Strings become text nodes, so values of the API are not parsed as HTML.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, unknown>} [properties] `data-*`, `aria-*` and `role` become attributes
 * @param {...(Node | string | null | undefined | false)} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function element(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (/^(data|aria)-|^(role|for|scope)$/.test(name)) node.setAttribute(name, String(value));
    else Object.assign(node, { [name]: value });
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/**
 * Find the element with an id.
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`The page has no #${id}`);
  return found;
}

/** @type {number | undefined} */
let clearing;

/**
 * Show a notification for six seconds.
 * @param {string} text
 */
export function notify(text) {
  byId("notice").textContent = text;
  clearTimeout(clearing);
  clearing = setTimeout(() => (byId("notice").textContent = ""), 6000);
}
