// Holds and purchases of all clients, live, and the resolution of purchases whose outcome is unknown.
import { mutate, useQuery, useSubscription } from "../api.js";
import { ago, grade, instant, money, words } from "../format.js";
import { html, useEffect, useRef, useState } from "../lib.js";
import { go, link } from "../router.js";
import { Badge, Confirm, Facts, Gaps, Notice, Table } from "../ui.js";

const HOLDS = `query Holds($state: [HoldState!], $allClients: Boolean!, $after: String) {
  holds(first: 30, state: $state, allClients: $allClients, after: $after) {
    nodes { databaseId clientId state price { formatted } requestedAt expiresAt reason diamond { databaseId shape carat color clarity } }
    pageInfo { hasNextPage endCursor }
  }
}`;
const PURCHASE = `fragment PurchaseFields on Purchase {
  databaseId clientId state price { formatted } requestedAt orderedAt endedAt supplierOrderId failure reference resolvedBy resolution answeredBy answer
  diamond { databaseId shape carat color clarity }
  evidence @include(if: $admin) { examinedAt orderItemId seenAt orderItemIdBefore compared }
}`;
const PURCHASES = `query Purchases($state: [PurchaseState!], $allClients: Boolean!, $admin: Boolean!, $after: String) {
  unknown: purchases(first: 100, state: [UNKNOWN], allClients: $allClients) { nodes { ...PurchaseFields } }
  purchases(first: 30, state: $state, allClients: $allClients, after: $after) { nodes { ...PurchaseFields } pageInfo { hasNextPage endCursor } }
}`;
const EVENTS = `subscription Trading { diamondChanged { kind } }`;
const EXAMINE = `mutation Examine($input: PurchaseExamineInput!) { purchaseExamine(input: $input) { userErrors { message code } } }`;
const RESOLVE = `mutation Resolve($input: PurchaseResolveInput!) { purchaseResolve(input: $input) { userErrors { message code } } }`;
const CONFIRM = `mutation Confirm($input: PurchaseConfirmInput!) { purchaseConfirm(input: $input) { userErrors { message code } } }`;
const DECLINE = `mutation Decline($input: PurchaseDeclineInput!) { purchaseDecline(input: $input) { userErrors { message code } } }`;
const HOLD_STATES = ["REQUESTED", "ACTIVE", "DENIED", "RELEASED", "EXPIRED", "PURCHASED"];
const PURCHASE_STATES = ["PENDING", "ORDERED", "CONFIRMED", "DECLINED", "FAILED", "UNKNOWN"];
// Events of one moment lead to one query.
const QUIET_MILLISECONDS = 400;

export function Trading({ query: address, caller }) {
  const [dialog, setDialog] = useState(null);
  const hold = address.get("hold") ?? "ACTIVE", purchase = address.get("purchase");
  const mayHold = caller.can("holds:write"), mayBuy = caller.can("purchases:write"), admin = caller.can("purchases:admin");
  const holds = useQuery(HOLDS, { state: hold === "ALL" ? null : [hold], allClients: admin, after: address.get("holdsAfter") }, { poll: 30, skip: !mayHold });
  const purchases = useQuery(`${PURCHASES} ${PURCHASE}`, { state: purchase ? [purchase] : null, allClients: admin, admin, after: address.get("after") }, { poll: 30, skip: !mayBuy });
  const timer = useRef(0);
  const refresh = () => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => Promise.all([holds.refresh(), purchases.refresh()]), QUIET_MILLISECONDS);
  };
  useEffect(() => () => clearTimeout(timer.current), []);
  useSubscription(EVENTS, {}, {
    skip: !caller.can("diamonds:read"),
    onNext: ({ diamondChanged }) => /^(HOLD|PURCHASE)_/.test(diamondChanged.kind) && refresh(),
    onLive: refresh,
  });
  const at = (changes) => link("trading", { hold: hold === "ACTIVE" ? "" : hold, purchase, ...changes });
  const done = () => purchases.refresh();
  return html`<h1>Holds and purchases</h1>
    ${!admin && html`<p class="note">These are your client's own. Those of all clients need the scope purchases:admin.</p>`}
    ${mayBuy && html`<${Unknown} purchases=${purchases.data?.unknown?.nodes ?? []} admin=${admin} onChoose=${setDialog} />`}
    <section><h2>Holds</h2>${mayHold ? html`
      <div class="toolbar"><label>State of holds<select value=${hold} onChange=${(event) => go(at({ hold: event.target.value }))}>
        <option value="ALL">All</option>${HOLD_STATES.map((one) => html`<option key=${one} value=${one}>${words(one)}</option>`)}</select></label></div>
      <${Gaps} query=${holds} />
      ${holds.data?.holds && html`<${Table} caption="Holds, newest first" columns=${HOLD_COLUMNS} rows=${holds.data.holds.nodes} keyOf=${(one) => one.databaseId} empty="No hold matches." />
        ${holds.data.holds.pageInfo.hasNextPage && html`<a class="button" href=${at({ holdsAfter: holds.data.holds.pageInfo.endCursor })}>Older holds</a>`}`}`
      : html`<p class="empty">Holds need the scope holds:write.</p>`}</section>
    <section><h2>Purchases</h2>${mayBuy ? html`
      <div class="toolbar"><label>State of purchases<select value=${purchase ?? ""} onChange=${(event) => go(at({ purchase: event.target.value }))}>
        <option value="">All</option>${PURCHASE_STATES.map((one) => html`<option key=${one} value=${one}>${words(one)}</option>`)}</select></label></div>
      <${Gaps} query=${purchases} />
      ${purchases.data?.purchases && html`<${Table} caption="Purchases, newest first" columns=${purchaseColumns(admin, setDialog)} rows=${purchases.data.purchases.nodes} keyOf=${(one) => one.databaseId} empty="No purchase matches." />
        ${purchases.data.purchases.pageInfo.hasNextPage && html`<a class="button" href=${at({ after: purchases.data.purchases.pageInfo.endCursor })}>Older purchases</a>`}`}`
      : html`<p class="empty">Purchases need the scope purchases:write.</p>`}</section>
    ${dialog && html`<${Settle} ...${dialog} onClose=${() => setDialog(null)} onDone=${done} />`}`;
}

export const describe = (diamond) =>
  diamond ? html`<a href=${link(`inventory/${diamond.databaseId}`)}>${words(diamond.shape)} ${diamond.carat} ct ${diamond.color ? grade(diamond.color) : ""} ${diamond.clarity ? grade(diamond.clarity) : ""}</a>` : "no longer in the inventory";

const HOLD_COLUMNS = [
  { key: "requested", label: "Requested", show: (hold) => instant(hold.requestedAt) },
  { key: "state", label: "State", show: (hold) => html`<${Badge} state=${hold.state} />` },
  { key: "diamond", label: "Diamond", show: (hold) => describe(hold.diamond) },
  { key: "client", label: "Client", show: (hold) => hold.clientId },
  { key: "price", label: "Price", number: true, show: (hold) => money(hold.price) },
  { key: "until", label: "Until", show: (hold) => instant(hold.expiresAt) },
  { key: "reason", label: "Reason", show: (hold) => hold.reason ?? "" },
];

const purchaseColumns = (admin, onChoose) => [
  { key: "requested", label: "Requested", show: (one) => instant(one.requestedAt) },
  { key: "state", label: "State", show: (one) => html`<${Badge} state=${one.state} />` },
  { key: "diamond", label: "Diamond", show: (one) => describe(one.diamond) },
  { key: "client", label: "Client", show: (one) => one.clientId },
  { key: "price", label: "Price", number: true, show: (one) => money(one.price) },
  { key: "order", label: "Supplier's order", show: (one) => one.supplierOrderId ?? "" },
  { key: "note", label: "Reason", show: (one) => one.failure ?? one.answer ?? one.resolution ?? "" },
  admin && { key: "act", label: "Action", show: (one) => one.state === "ORDERED" && html`<button onClick=${() => onChoose({ kind: "answer", purchase: one })}>Record the answer</button>` },
].filter(Boolean);

function Unknown({ purchases, admin, onChoose }) {
  if (!purchases.length) return null;
  return html`<${Notice} kind="bad" title=${`? ${purchases.length === 1 ? "One purchase has" : `${purchases.length} purchases have`} an unknown outcome.`}>
    <p>The order was sent and the supplier did not answer. Nothing is sent again. Examine the supplier's item, look into the supplier's account, then record the outcome.</p>
    ${purchases.map((one) => html`<div key=${one.databaseId}>
      <${Facts} pairs=${[["Diamond", describe(one.diamond)], ["Client", one.clientId], ["Price", money(one.price)], ["Requested", `${instant(one.requestedAt)} (${ago(one.requestedAt)})`], ["Purchase id", html`<code>${one.databaseId}</code>`], admin && ["Evidence", evidence(one.evidence)]]} />
      ${admin && html`<div class="actions"><button onClick=${() => onChoose({ kind: "examine", purchase: one })}>Examine</button><button class="primary" onClick=${() => onChoose({ kind: "resolve", purchase: one })}>Record the outcome</button></div>`}
    </div>`)}
  <//>`;
}

function evidence(found) {
  if (!found) return "not examined";
  if (found.orderItemId) return `Order item ${found.orderItemId}, seen ${instant(found.seenAt)}: strong evidence that the order was placed${found.compared ? "" : ", but it may be older"}.`;
  return `No new order item at ${instant(found.examinedAt)}. This proves nothing.`;
}

// Records what an operator found out. The reason is kept with the purchase.
function Settle({ kind, purchase, onClose, onDone }) {
  const [outcome, setOutcome] = useState("");
  const [reason, setReason] = useState("");
  const [order, setOrder] = useState(purchase.supplierOrderId ?? "");
  const purchaseId = purchase.databaseId;
  const send = (document, input) => async () => {
    await mutate(document, input);
    await onDone();
  };
  if (kind === "examine") {
    return html`<${Confirm} title="Examine the purchase" confirmLabel="Examine" onClose=${onClose} onConfirm=${send(EXAMINE, { purchaseId })}>
      <p>The supplier's item is read, and what it shows is kept as evidence. No order is sent, and the state stays as it is.</p><//>`;
  }
  const answering = kind === "answer";
  const choices = answering
    ? [["CONFIRMED", "The supplier confirmed the order."], ["DECLINED", "The supplier declined the order. The diamond is not bought."]]
    : [["ORDERED", "The supplier has the order and has not answered it yet."], ["CONFIRMED", "The supplier has the order and confirmed it."], ["FAILED", "The supplier has no such order. Nothing is bought."]];
  const supplierOrderId = order.trim() || null;
  const documents = { CONFIRMED: [CONFIRM, { purchaseId, reason, supplierOrderId }], DECLINED: [DECLINE, { purchaseId, reason }] };
  const [document, input] = answering ? (documents[outcome] ?? documents.CONFIRMED) : [RESOLVE, { purchaseId, outcome, reason, supplierOrderId }];
  return html`<${Confirm} title=${answering ? "Record the supplier's answer" : "Record the outcome"} confirmLabel="Record" ready=${outcome !== "" && reason.trim() !== ""} onClose=${onClose} onConfirm=${send(document, input)}>
    <fieldset><legend>What was found out</legend>${choices.map(([value, text]) => html`<label key=${value} class="check"><input type="radio" name="outcome" value=${value} checked=${outcome === value} onChange=${() => setOutcome(value)} /> ${text}</label>`)}</fieldset>
    <div class="fields">
      <label>How it is known (who was asked, which message)<textarea rows="3" required value=${reason} onInput=${(event) => setReason(event.target.value)}></textarea></label>
      ${outcome !== "DECLINED" && outcome !== "FAILED" && html`<label>The order's id at the supplier, if known<input value=${order} onInput=${(event) => setOrder(event.target.value)} /></label>`}
    </div><//>`;
}
