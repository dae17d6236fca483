// Elements of the page, made without a framework.

/**
 * An element with properties and children. Texts become text nodes, so nothing that the API says is read as HTML.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, unknown>} [properties] `data-*`, `aria-*` and `role` become attributes
 * @param {...(Node | string | null | undefined | false)} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (/^(data|aria)-|^(role|for|scope)$/.test(name)) made.setAttribute(name, String(value));
    else Object.assign(made, { [name]: value });
  }
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

/**
 * The element of the page with this id.
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
 * Tell the shopper something for some seconds.
 * @param {string} text
 */
export function notify(text) {
  byId("notice").textContent = text;
  clearTimeout(clearing);
  clearing = setTimeout(() => (byId("notice").textContent = ""), 6000);
}
