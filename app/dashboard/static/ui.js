// Components of all pages. State shows as symbol and text; colour only repeats it.
import { html, useEffect, useRef, useState } from "./lib.js";
import { words } from "./format.js";

const STATES = {
  PLANNING: ["…", "active"], RUNNING: ["▶", "active"], CONSOLIDATING: ["▶", "active"], COMPLETED: ["✓", "good"],
  PARTIAL: ["◐", "warning"], FAILED: ["✕", "bad"], CANCELLED: ["■", "muted"], PENDING: ["○", "muted"], SUCCEEDED: ["✓", "good"],
  REQUESTED: ["…", "active"], ACTIVE: ["●", "good"], DENIED: ["✕", "bad"], RELEASED: ["■", "muted"], EXPIRED: ["■", "muted"],
  PURCHASED: ["✓", "good"], ORDERED: ["▶", "active"], CONFIRMED: ["✓", "good"], DECLINED: ["✕", "bad"], UNKNOWN: ["?", "warning"],
  AVAILABLE: ["✓", "good"], ON_HOLD: ["●", "active"], SOLD: ["■", "muted"], UNAVAILABLE: ["✕", "muted"],
  VALID: ["✓", "good"], REVOKED: ["✕", "bad"],
  OK: ["✓", "good"], DEGRADED: ["!", "warning"], SKIPPED: ["■", "muted"],
  QUEUED: ["○", "muted"], DONE: ["✓", "good"],
};

export const symbol = (state) => (STATES[state] ?? ["", "muted"])[0];
export const tone = (state) => (STATES[state] ?? ["", "muted"])[1];

export function Badge({ state, text }) {
  return html`<span class=${`badge ${tone(state)}`}><span aria-hidden="true">${symbol(state)}</span> ${text ?? words(state)}</span>`;
}

// A text of the API, with what stands between backticks (commands, settings, fields) as code.
export function Marked({ text }) {
  return html`${String(text ?? "").split(/`([^`]+)`/).map((part, index) => (index % 2 ? html`<code key=${index} class="command">${part}</code>` : part))}`;
}

export function Notice({ kind = "info", title, children }) {
  return html`<section class=${`notice ${kind}`} role=${kind === "bad" ? "alert" : undefined}>
    ${title && html`<strong>${title}</strong>`}${children}
  </section>`;
}

// What a query could not tell: a failure, fields that the key may not read, or that nothing has arrived yet.
export function Gaps({ query }) {
  const missing = [...new Set(query.errors.map((error) => error.message))];
  return html`
    ${query.failure && html`<${Notice} kind="bad" title="This could not be read."><p><${Marked} text=${query.failure.message} />${query.data ? " Older data is shown." : ""}</p><//>`}
    ${missing.length > 0 && html`<${Notice} kind="warning" title="Some of this page is missing."><ul>${missing.map((text) => html`<li key=${text}><${Marked} text=${text} /></li>`)}</ul><//>`}
    ${!query.data && !query.failure && html`<p class="loading" role="status">Loading …</p>`}`;
}

export function Tile({ label, value, note, href, kind = "" }) {
  const body = html`<dt>${label}</dt><dd>${href ? html`<a href=${href}>${value}</a>` : value}</dd>${note && html`<dd class="note">${note}</dd>`}`;
  return html`<div class=${`tile ${kind}`}>${body}</div>`;
}

// columns: [{ key, label, show(row), number }]. On a narrow screen each row becomes a card with the labels beside the values.
export function Table({ caption, columns, rows, keyOf = (row) => row.id, empty = "There are none." }) {
  if (!rows.length) return html`<p class="empty">${empty}</p>`;
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${caption}>
    <table>
      <caption class="hidden">${caption}</caption>
      <thead><tr>${columns.map((column) => html`<th key=${column.key} scope="col" class=${column.number ? "number" : ""}>${column.label}</th>`)}</tr></thead>
      <tbody>${rows.map((row) => html`<tr key=${keyOf(row)}>
        ${columns.map((column) => html`<${Cell} key=${column.key} column=${column} content=${column.show(row)} />`)}
      </tr>`)}</tbody>
    </table>
  </div>`;
}

function Cell({ column, content }) {
  const empty = content === "" || content === null || content === undefined || content === false;
  return html`<td data-label=${column.label} class=${`${column.number ? "number" : ""} ${empty ? "void" : ""}`}><div>${content}</div></td>`;
}

// A modal dialog. The browser keeps the focus inside and gives it back; Escape closes it.
export function Dialog({ title, onClose, children, wide = false }) {
  const element = useRef();
  useEffect(() => {
    const dialog = element.current;
    dialog.showModal();
    return () => dialog.open && dialog.close();
  }, []);
  return html`<dialog ref=${element} class=${wide ? "wide" : ""} aria-labelledby="dialog-title" onClose=${onClose} onCancel=${onClose}>
    <h2 id="dialog-title">${title}</h2>${children}
  </dialog>`;
}

// Confirms an action: its preview, and for a dangerous one a number to type. Shows why the server refused it.
export function Confirm({ title, confirmLabel, danger = false, wide = false, typed = null, ready = true, onConfirm, onClose, children }) {
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState(null);
  const [text, setText] = useState("");
  const matches = typed === null || text.replaceAll(/[ ,.]/g, "") === String(typed);
  const submit = async (event) => {
    event.preventDefault();
    setBusy(true);
    setFailure(null);
    try {
      await onConfirm();
      onClose();
    } catch (error) {
      setFailure(error);
      setBusy(false);
    }
  };
  return html`<${Dialog} title=${title} wide=${wide} onClose=${onClose}>
    <form onSubmit=${submit}>
      ${children}
      ${typed !== null && html`<label>Type ${typed} to confirm<input value=${text} inputmode="numeric" autocomplete="off" onInput=${(event) => setText(event.target.value)} /></label>`}
      ${failure && html`<${Notice} kind="bad" title="This was not done."><p><${Marked} text=${failure.message} /></p><//>`}
      <div class="actions">
        <button type="submit" class=${danger ? "danger" : "primary"} disabled=${busy || !matches || !ready}>${busy ? "Working …" : confirmLabel}</button>
        <button type="button" onClick=${onClose}>Close</button>
      </div>
    </form>
  <//>`;
}

export function Progress({ label, done, total }) {
  return html`<label class="progress">${label}<progress max=${Math.max(total, 1)} value=${Math.min(done, total)}></progress></label>`;
}

// A definition list of [name, value] pairs.
export function Facts({ pairs }) {
  return html`<dl class="facts">${pairs.filter(Boolean).map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}
