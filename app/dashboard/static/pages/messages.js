// Messages: dead letters one by one, with their reason and body; replay or discard the selected ones.
import { mutate, useQuery } from "../api.js";
import { ago, count, counted, instant } from "../format.js";
import { html, useState } from "../lib.js";
import { Confirm, Gaps, Marked, Notice, Table } from "../ui.js";

const READ = `query Messages { deadLetters { queue number sentAt reason description deliveries readable body } }`;
const REPLAY = `mutation Replay($input: DeadLettersInput!) { deadLettersReplay(input: $input) { job { status changed error { message } } userErrors { message code } } }`;
const DISCARD = `mutation Discard($input: DeadLettersInput!) { deadLettersDiscard(input: $input) { job { status changed error { message } } userErrors { message code } } }`;
const MOST = 100;

const keyOf = (letter) => `${letter.queue}/${letter.number}`;

export function Messages({ caller }) {
  const query = useQuery(READ, {}, { poll: 60 });
  const [selected, setSelected] = useState(new Set());
  const [dialog, setDialog] = useState(null);
  const [done, setDone] = useState(null);
  const letters = query.data?.deadLetters ?? [];
  const may = caller.can("sync:admin");
  const chosen = letters.filter((letter) => selected.has(keyOf(letter)));
  const toggle = (letter) => setSelected((before) => {
    const after = new Set(before);
    if (!after.delete(keyOf(letter))) after.add(keyOf(letter));
    return after;
  });
  const finished = async (text, handled) => {
    setSelected(new Set());
    setDone({ text, gone: new Set(handled.map(keyOf)) });
    await query.refresh();
  };
  // A listing may be some seconds old; what was just handled is not shown again.
  const shown = letters.filter((letter) => !done?.gone.has(keyOf(letter)));
  return html`<h1>Messages</h1>
    <p>A message that no role could handle is put aside as a dead letter. Correct its cause, then replay it: the roles handle a repeated message once. Discard what no role can read.</p>
    ${done && html`<${Notice} kind="good"><p role="status">${done.text}</p><//>`}
    <${Gaps} query=${query} />
    ${query.data?.deadLetters && html`
      ${may && shown.length > 0 && html`<div class="actions" role="group" aria-label="Actions on the selected messages">
        <button class="primary" disabled=${!chosen.some((one) => one.readable)} onClick=${() => setDialog({ kind: "replay", letters: chosen.filter((one) => one.readable) })}>Replay selected</button>
        <button class="danger" disabled=${!chosen.length} onClick=${() => setDialog({ kind: "discard", letters: chosen })}>Discard selected</button>
        <button disabled=${shown.length > MOST} onClick=${() => setSelected(new Set(chosen.length === shown.length ? [] : shown.map(keyOf)))}>${chosen.length === shown.length ? "Select none" : `Select these ${count(shown.length)}`}</button>
        <span role="status">${count(chosen.length)} of ${count(shown.length)} selected</span>
      </div>`}
      <${Table} caption="Dead letters, oldest first" rows=${shown} keyOf=${keyOf} empty="✓ There are no dead letters." columns=${columns(may, selected, toggle, setDialog)} />`}
    ${dialog && html`<${Handle} ...${dialog} onClose=${() => setDialog(null)} onDone=${finished} />`}`;
}

const columns = (may, selected, toggle, onChoose) => [
  may && { key: "select", label: "Select", show: (one) => html`<input type="checkbox" checked=${selected.has(keyOf(one))} onChange=${() => toggle(one)} aria-label=${`Select message ${one.number} of ${one.queue}`} />` },
  { key: "queue", label: "Queue", show: (one) => html`<code>${one.queue}</code>` },
  { key: "number", label: "Number", number: true, show: (one) => one.number },
  { key: "sent", label: "Sent", show: (one) => (one.sentAt ? html`${instant(one.sentAt)}<br /><span class="note">${ago(one.sentAt)}</span>` : "unknown") },
  { key: "tries", label: "Deliveries", number: true, show: (one) => count(one.deliveries) },
  { key: "reason", label: "Reason", show: (one) => html`<strong>${one.reason}</strong>${one.description && html`<br /><${Marked} text=${one.description} />`}
      <details><summary>Body<span class="hidden"> of message ${one.number}</span></summary>${!one.readable && html`<p class="note">No role can read this body: it can only be discarded.</p>`}<pre tabindex="0" aria-label=${`Body of message ${one.number}`}>${pretty(one.body)}</pre></details>` },
  may && { key: "act", label: "Actions", show: (one) => html`<span class="choices">
      ${one.readable && html`<button onClick=${() => onChoose({ kind: "replay", letters: [one] })} aria-label=${`Replay message ${one.number} of ${one.queue}`}>Replay</button> `}
      <button onClick=${() => onChoose({ kind: "discard", letters: [one] })} aria-label=${`Discard message ${one.number} of ${one.queue}`}>Discard</button></span>` },
].filter(Boolean);

function pretty(body) {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body || "(empty)";
  }
}

function Handle({ kind, letters, onClose, onDone }) {
  const replayed = kind === "replay";
  const what = letters.length === 1 ? "the message" : counted(letters.length, "message");
  const handle = async () => {
    let changed = 0;
    // A request names messages of one queue.
    for (const queue of new Set(letters.map((one) => one.queue))) {
      const numbers = letters.filter((one) => one.queue === queue).map((one) => one.number);
      const { job } = await mutate(replayed ? REPLAY : DISCARD, { queue, numbers });
      if (job.error) throw new Error(job.error.message);
      changed += job.changed ?? numbers.length;
    }
    await onDone(`${counted(changed, "message")} ${replayed ? "replayed" : "discarded"}.`, letters);
  };
  return html`<${Confirm} danger=${!replayed} title=${`${replayed ? "Replay" : "Discard"} ${what}`} confirmLabel=${replayed ? "Replay" : "Discard"} onClose=${onClose} onConfirm=${handle}>
    <p>${replayed ? "They go to their queue again, and a role handles them. If their cause still exists, they come back." : "They are removed for good. Work that a discarded message asked for is found again by the sync if it is still due."}</p>
    <ul class="short">${letters.map((one) => html`<li key=${keyOf(one)}><code>${one.queue}</code> ${one.number}: ${one.reason}</li>`)}</ul>
  <//>`;
}
