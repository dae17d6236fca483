// Keys: the API keys of all clients with their scopes and last use; rotation and revocation.
import { mutate, mutateBy, useQuery } from "../api.js";
import { ago, instant } from "../format.js";
import { html, useState } from "../lib.js";
import { go, link } from "../router.js";
import { Badge, Confirm, Dialog, Gaps, Table } from "../ui.js";

const READ = `query Keys { apiKeys { id clientId name scopes status signatureV1 createdAt expiresAt revokedAt lastUsedAt } }`;
const ROTATE = `mutation Rotate($input: ApiKeyRotateInput!) { apiKeyRotate(input: $input) { key apiKey { id } userErrors { message code } } }`;
const REVOKE = `mutation Revoke($id: ID!) { apiKeyRevoke(id: $id) { revokedId userErrors { message code } } }`;
const HOURS = [["24", "a day"], ["1", "an hour"], ["168", "a week"], ["0", "no longer: the old key ends now"]];

export function Keys({ query: address, caller }) {
  const may = caller.can("keys:admin");
  const query = useQuery(READ, {}, { skip: !may });
  const [dialog, setDialog] = useState(null);
  const [fresh, setFresh] = useState(null);
  if (!may) return html`<h1>Keys</h1><p class="empty">Keys need a key with the scope keys:admin.</p>`;
  const all = address.get("all") === "yes";
  const keys = query.data?.apiKeys ?? [];
  const shown = [...keys].reverse().filter((key) => all || key.status === "VALID");
  // The dialog of the action is gone before that of the new key opens.
  const done = (key) => {
    setDialog(null);
    setFresh(key ?? null);
    query.refresh();
  };
  return html`<h1>Keys</h1>
    <p>A client authenticates with its keys. A key is shown once, when it is made; here are the others' public ids. New clients get theirs with <code>keys create</code> on the command line.</p>
    <label class="check"><input type="checkbox" checked=${all} onChange=${(event) => go(link("keys", { all: event.target.checked ? "yes" : "" }))} /> Show expired and revoked keys too</label>
    <${Gaps} query=${query} />
    ${query.data?.apiKeys && html`<${Table} caption="API keys, newest first" columns=${columns(caller, setDialog)} rows=${shown} empty="No key matches." />`}
    ${dialog?.kind === "rotate" && html`<${Rotate} key_=${dialog.key} caller=${caller} onClose=${() => setDialog(null)} onDone=${done} />`}
    ${dialog?.kind === "revoke" && html`<${Revoke} key_=${dialog.key} caller=${caller} onClose=${() => setDialog(null)} onDone=${done} />`}
    ${fresh && html`<${Fresh} text=${fresh} onClose=${() => setFresh(null)} />`}`;
}

const columns = (caller, onChoose) => [
  { key: "client", label: "Client", show: (key) => html`<strong>${key.clientId}</strong>${key.id === caller.keyId && html` <span class="note">(your key)</span>`}` },
  { key: "name", label: "Purpose", show: (key) => key.name },
  { key: "id", label: "Id", show: (key) => html`<code>${key.id}</code>` },
  { key: "status", label: "Status", show: (key) => html`<${Badge} state=${key.status} />` },
  { key: "scopes", label: "Scopes", show: (key) => html`${key.scopes.map((scope) => html`<code key=${scope} class="scope">${scope}</code> `)}${key.signatureV1 && html`<span class="note">may sign version 1</span>`}` },
  { key: "used", label: "Last use", show: (key) => (key.lastUsedAt ? html`<span title=${instant(key.lastUsedAt)}>${ago(key.lastUsedAt)}</span>` : "never") },
  { key: "created", label: "Created", show: (key) => instant(key.createdAt) },
  { key: "ends", label: "Ends", show: (key) => (key.revokedAt ? `revoked ${instant(key.revokedAt)}` : key.expiresAt ? instant(key.expiresAt) : "no end") },
  { key: "act", label: "Actions", show: (key) => key.status === "VALID" && html`<span class="choices"><button onClick=${() => onChoose({ kind: "rotate", key })} aria-label=${`Rotate ${key.id}`}>Rotate</button> <button onClick=${() => onChoose({ kind: "revoke", key })} aria-label=${`Revoke ${key.id}`}>Revoke</button></span>` },
];

function Rotate({ key_: key, caller, onClose, onDone }) {
  const [hours, setHours] = useState("24");
  const further = key.scopes.filter((scope) => !caller.can(scope));
  const rotate = async () => {
    const payload = await mutate(ROTATE, { id: key.id, keepHours: Number(hours) });
    await onDone(payload.key);
  };
  return html`<${Confirm} title=${`Rotate the key of ${key.clientId}`} confirmLabel="Make the new key" ready=${!further.length} onClose=${onClose} onConfirm=${rotate}>
    <p>A new key with the same client, purpose, scopes and lifetime is made and shown once. Give it to the client over a safe channel.</p>
    ${further.length > 0 && html`<p role="alert">This key may do what yours may not (${further.join(", ")}). Rotate it on the command line.</p>`}
    <label>The old key stays valid for<select value=${hours} onChange=${(event) => setHours(event.target.value)}>${HOURS.map(([value, text]) => html`<option key=${value} value=${value}>${text}</option>`)}</select></label>
  <//>`;
}

function Revoke({ key_: key, caller, onClose, onDone }) {
  const revoke = async () => {
    await mutateBy(REVOKE, { id: key.id });
    await onDone();
  };
  return html`<${Confirm} danger title=${`Revoke the key of ${key.clientId}`} confirmLabel="Revoke the key" onClose=${onClose} onConfirm=${revoke}>
    <p>Within ten seconds requests with the key <code>${key.id}</code> (${key.name}) are rejected, and its subscriptions end. This can't be undone.</p>
    <p>${key.lastUsedAt ? `It was last used ${ago(key.lastUsedAt)}.` : "It was never used."}${key.id === caller.keyId ? " It is the key of this session: you will be signed out." : ""}</p>
  <//>`;
}

// The new key is in the page until this dialog closes, and nowhere else.
function Fresh({ text, onClose }) {
  const [copied, setCopied] = useState(false);
  const copy = () => navigator.clipboard?.writeText(text).then(() => setCopied(true), () => {});
  return html`<${Dialog} title="The new key" onClose=${onClose}>
    <p>It is shown only now.</p><p><code class="secret">${text}</code></p>
    <div class="actions"><button class="primary" onClick=${copy}>${copied ? "Copied" : "Copy"}</button><button onClick=${onClose}>Close</button></div>
  <//>`;
}
