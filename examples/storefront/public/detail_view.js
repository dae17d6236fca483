// Detail view of a diamond: picture, 360-degree view, certificate, all properties; hold, release and buy.
import * as api from "./api.js";
import { compareBox } from "./comparison.js";
import { byId, element, notify } from "./elements.js";
import { current, updateDiamonds, onChange, status } from "./live.js";
import { properties } from "./properties.js";
import { picture } from "./search_view.js";
import { title } from "./words.js";

/** @param {HTMLElement} view @param {string} id @param {AbortSignal} signal */
export async function showDetail(view, id, signal) {
  const [diamond] = await api.diamonds([id]);
  if (signal.aborted) return;
  if (!diamond) {
    view.replaceChildren(element("h1", {}, "This diamond is no longer offered."), element("p", {}, element("a", { href: "#/" }, "All diamonds")));
    return;
  }
  updateDiamonds([diamond]);
  const actions = element("div", { className: "actions" });
  const fill = () => actions.replaceChildren(...buttons(/** @type {import("./api.js").Details} */ ({ ...diamond, ...current(id) })));
  fill();
  onChange(fill, signal);
  view.replaceChildren(
    element("p", {}, element("a", { href: "#/", onclick: back }, "Back to the diamonds")),
    element("div", { className: "detail" }, media(diamond),
      element("section", { "aria-label": "Diamond" },
        element("h1", {}, title(diamond)),
        status(diamond),
        element("div", { className: "buy" },
          element("span", { className: "price" }, diamond.price.formatted),
          element("span", { className: "soft" }, `${diamond.pricePerCarat.formatted} per carat, in US dollars`),
          actions,
          compareBox(id)),
        element("div", { className: "tables" }, ...Object.entries(properties(diamond)).map(([name, rows]) =>
          element("div", {}, element("h2", {}, name), element("dl", {}, ...rows.flatMap(([label, value]) => [
            element("dt", {}, label), element("dd", value === null ? { className: "missing" } : {}, value ?? "not stated"),
          ]))))))),
  );
}

/** @param {Event} event */
function back(event) {
  if (history.length > 1) {
    event.preventDefault();
    history.back();
  }
}

/** @param {import("./api.js").Details} diamond */
function media(diamond) {
  const frames = { "360° view": diamond.spin360?.url, Certificate: diamond.certificate?.pdfUrl };
  const stage = element("div", { className: "stage" }, picture(diamond));
  const choices = element("div", { className: "media", role: "group", "aria-label": "Media" });
  const show = (/** @type {string} */ name, /** @type {Node} */ shown) => {
    stage.replaceChildren(shown);
    for (const button of choices.querySelectorAll("button")) button.setAttribute("aria-pressed", String(button.textContent === name));
  };
  choices.append(element("button", { "aria-pressed": true, onclick: () => show("Picture", picture(diamond)) }, "Picture"));
  for (const [name, url] of Object.entries(frames)) {
    if (!url) continue;
    // Sandboxed page of another origin: it may run scripts only.
    const frame = () => element("iframe", { src: url, title: name, sandbox: "allow-scripts" });
    choices.append(element("button", { "aria-pressed": false, onclick: () => show(name, frame()) }, name));
  }
  const report = diamond.certificate?.pdfUrl;
  return element("div", {}, stage, choices,
    report && element("p", {}, element("a", { href: report, target: "_blank", rel: "noopener" }, "Open the certificate")));
}

/** @param {import("./api.js").Details} diamond */
function buttons(diamond) {
  const hold = diamond.availability === "ON_HOLD" ? diamond.hold : null;
  const open = diamond.availability === "AVAILABLE" || hold?.mine;
  return [
    hold?.mine
      ? button("Release the hold", () => request(diamond.id, () => api.release(hold.id ?? ""), "The hold is released."))
      : button("Hold for 24 hours", () => request(diamond.id, () => api.hold(diamond.id), "The diamond is held for you."), diamond.availability !== "AVAILABLE"),
    button(`Buy for ${diamond.price.formatted}`, () => confirmPurchase(diamond), !open, "primary"),
  ];
}

/** @param {string} text @param {() => Promise<void>} act @param {boolean} [disabled] @param {string} [className] */
function button(text, act, disabled = false, className = "") {
  const node = element("button", {
    disabled, className,
    onclick: async () => {
      node.disabled = true;
      await act();
    },
  }, text);
  return node;
}

/** @param {import("./api.js").Details} diamond */
async function confirmPurchase(diamond) {
  const dialog = /** @type {HTMLDialogElement} */ (byId("confirm"));
  byId("confirm-text").textContent = `${title(diamond)} for ${diamond.price.formatted}.`;
  dialog.returnValue = "";
  dialog.showModal();
  await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
  if (dialog.returnValue !== "buy") return updateDiamonds([current(diamond.id)]);
  const order = { diamondId: diamond.id, expectedPrice: diamond.price.cents, idempotencyKey: crypto.randomUUID() };
  await request(diamond.id, () => api.buy(order), "The diamond is bought.");
}

/** Run an action, show its result, and reload the diamond. @param {string} id @param {() => Promise<{ userErrors: import("./api.js").Problem[] }>} act @param {string} done */
async function request(id, act, done) {
  try {
    const { userErrors } = await act();
    notify(userErrors[0]?.message ?? done);
  } catch (error) {
    notify(/** @type {Error} */ (error).message);
  }
  updateDiamonds(await api.diamonds([id]).catch(() => [current(id)]));
}
