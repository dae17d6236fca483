// Pricing rules: edit with a preview of the prices, undo, and reprice with progress.
import { mutate, mutateBy, request, useQuery } from "../api.js";
import { count, counted, instant, money, words } from "../format.js";
import { html, useEffect, useMemo, useState } from "../lib.js";
import { link } from "../router.js";
import { Confirm, Facts, Gaps, Notice, Progress, Table } from "../ui.js";
import { describe } from "./trading.js";

const RULES = `query Rules { pricingRules { id name priority markupRatio rating caratMin caratMax shapes labGrown supplier createdAt updatedAt } }`;
const PREVIEW = `query Preview($rule: PricingRuleInput!, $replacing: ID) {
  pricingRulePreview(rule: $rule, replacing: $replacing) { affectedCount decidedCount changedCount oldTotal { cents formatted } newTotal { cents formatted }
    samples { oldPrice { formatted } newPrice { formatted } diamond { databaseId shape carat color clarity } } }
}`;
const CREATE = `mutation Create($input: PricingRuleCreateInput!) { pricingRuleCreate(input: $input) { pricingRule { id } userErrors { message code } } }`;
const UPDATE = `mutation Update($input: PricingRuleUpdateInput!) { pricingRuleUpdate(input: $input) { pricingRule { id } userErrors { message code } } }`;
const DELETE = `mutation Delete($input: PricingRuleDeleteInput!) { pricingRuleDelete(input: $input) { deletedId userErrors { message code } } }`;
const VALUES = `fragment RuleValues on PricingRule { id name priority markupRatio rating caratMin caratMax shapes labGrown supplier }`;
const CHANGES = `query Changes($before: ID) { pricingRuleChanges(first: 20, before: $before) { id at clientId undoes undoneBy before { ...RuleValues } after { ...RuleValues } } }`;
const UNDO = `mutation Undo($id: ID!) { pricingRuleChangeUndo(id: $id) { pricingRule { id } userErrors { message code } } }`;
const REPRICE = `mutation Reprice { inventoryReprice { job { id status progress { done total } } userErrors { message code } } }`;
const JOB = `query Job($id: ID!) { job(id: $id) { id status changed progress { done total } error { message } } }`;
const SHAPES = ["ROUND", "PRINCESS", "CUSHION", "EMERALD", "OVAL", "PEAR", "MARQUISE", "ASSCHER", "RADIANT", "HEART", "TRILLIANT", "BAGUETTE", "OTHER"];
const uuid = () => crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;

// The input that makes a rule as it is.
const inputOf = (rule) => ({
  name: rule.name, priority: rule.priority, markupRatio: rule.markupRatio, rating: rule.rating, shapes: rule.shapes, labGrown: rule.labGrown, supplier: rule.supplier,
  carat: rule.caratMin === null && rule.caratMax === null ? null : { min: rule.caratMin, max: rule.caratMax },
});

export function Pricing({ query: address, caller }) {
  const may = caller.can("pricing:write");
  const query = useQuery(RULES, {}, { poll: 60, skip: !may });
  const before = address.get("before");
  const history = useQuery(`${CHANGES} ${VALUES}`, { before }, { poll: 60, skip: !may });
  const [dialog, setDialog] = useState(null);
  const [last, setLast] = useState(null);
  if (!may) return html`<h1>Pricing</h1><p class="empty">Pricing needs a key with the scope pricing:write.</p>`;
  const rules = query.data?.pricingRules ?? [];
  const done = async (text) => {
    setLast(text);
    await Promise.all([query.refresh(), history.refresh()]);
  };
  return html`<h1>Pricing</h1>
    <p>Of the rules that match a diamond the one with the lowest priority number decides. Without a match the default markup applies.</p>
    <div class="actions"><button class="primary" onClick=${() => setDialog({ kind: "edit" })}>New rule</button><${Reprice} /></div>
    ${last && html`<${Notice} kind="good"><p role="status">${last} Prices change when the inventory is repriced, or with the next run. <a href="#/pricing" onClick=${(event) => { event.preventDefault(); document.querySelector("#changes").scrollIntoView(); }}>Undo it below</a></p><//>`}
    <${Gaps} query=${query} />
    ${query.data && html`<${Table} caption="Pricing rules, in the order in which they are tried" columns=${columns(setDialog)} rows=${rules} empty="There is no rule; every diamond has the default markup." />`}
    <section id="changes"><h2>Changes</h2>
      <${Gaps} query=${history} />
      ${history.data?.pricingRuleChanges && html`<${Table} caption="Changes of rules, newest first" columns=${changeColumns(setDialog)} rows=${history.data.pricingRuleChanges} empty="No rule was changed." />
        <div class="actions">${before && html`<a class="button" href="#/pricing">Newest changes</a>`}${history.data.pricingRuleChanges.length === 20 && html`<a class="button" href=${link("pricing", { before: history.data.pricingRuleChanges.at(-1).id })}>Older changes</a>`}</div>`}
    </section>
    ${dialog?.kind === "undo" && html`<${Undo} change=${dialog.change} onClose=${() => setDialog(null)} onDone=${done} />`}
    ${dialog?.kind === "edit" && html`<${Edit} rule=${dialog.rule} onClose=${() => setDialog(null)} onDone=${done} />`}
    ${dialog?.kind === "delete" && html`<${Remove} rule=${dialog.rule} onClose=${() => setDialog(null)} onDone=${done} />`}`;
}

const columns = (onChoose) => [
  { key: "priority", label: "Priority", number: true, show: (rule) => rule.priority },
  { key: "name", label: "Name", show: (rule) => rule.name },
  { key: "markup", label: "Markup ratio", number: true, show: (rule) => rule.markupRatio },
  { key: "matches", label: "Matches", show: (rule) => criteria(rule) },
  { key: "rating", label: "Rating", number: true, show: (rule) => count(rule.rating) },
  { key: "changed", label: "Changed", show: (rule) => instant(rule.updatedAt) },
  { key: "act", label: "Actions", show: (rule) => html`<span class="choices"><button onClick=${() => onChoose({ kind: "edit", rule })} aria-label=${`Edit ${rule.name}`}>Edit</button> <button onClick=${() => onChoose({ kind: "delete", rule })} aria-label=${`Delete ${rule.name}`}>Delete</button></span>` },
];

function criteria(rule) {
  const parts = [
    rule.shapes && rule.shapes.map(words).join(", "),
    rule.labGrown !== null && (rule.labGrown ? "lab-grown" : "natural"),
    (rule.caratMin !== null || rule.caratMax !== null) && `${rule.caratMin ?? "0"} to ${rule.caratMax ?? "any"} ct`,
    rule.supplier && `supplier ${rule.supplier}`,
  ].filter(Boolean);
  return parts.length ? parts.join("; ") : "every diamond";
}

const changeColumns = (onChoose) => [
  { key: "at", label: "Time", show: (change) => instant(change.at) },
  { key: "by", label: "Author", show: (change) => change.clientId },
  { key: "rule", label: "Rule", show: (change) => (change.after ?? change.before).name },
  { key: "what", label: "Change", show: (change) => html`<ul class="plain">${differences(change).map((text) => html`<li key=${text}>${text}</li>`)}</ul>` },
  { key: "act", label: "Action", show: (change) => (change.undoneBy ? html`<span class="note">undone</span>` : html`<button onClick=${() => onChoose({ kind: "undo", change })} aria-label=${`Undo the change of ${(change.after ?? change.before).name} at ${instant(change.at)}`}>Undo</button>`) },
];

const LABELS = { name: "name", priority: "priority", markupRatio: "markup ratio", rating: "rating", caratMin: "carat from", caratMax: "carat to", shapes: "shapes", labGrown: "lab-grown", supplier: "supplier" };

// What a change has changed, value by value.
function differences({ before, after, undoes }) {
  const how = undoes ? " (an undo)" : "";
  const text = (value) => (value === null ? "any" : Array.isArray(value) ? value.map(words).join(", ") : String(value));
  if (!before) return [`created${how}: markup ratio ${after.markupRatio}, ${criteria(after)}`];
  if (!after) return [`deleted${how}: markup ratio ${before.markupRatio}, ${criteria(before)}`];
  const lines = Object.entries(LABELS).filter(([name]) => text(before[name]) !== text(after[name])).map(([name, label]) => `${label}: ${text(before[name])} → ${text(after[name])}`);
  return how ? ["an undo", ...lines] : lines;
}

function Undo({ change, onClose, onDone }) {
  const rule = change.before;
  const undo = async () => {
    await mutateBy(UNDO, { id: change.id });
    await onDone("The change was undone.");
  };
  return html`<${Confirm} wide title=${`Undo the change of ${(change.after ?? change.before).name}`} confirmLabel="Undo" onClose=${onClose} onConfirm=${undo}>
    <p>${!rule ? "The rule was created by this change: it is deleted." : !change.after ? "The deleted rule is made again with its id and its age." : "The rule gets its earlier values again."} It was changed ${instant(change.at)} by ${change.clientId}.</p>
    ${rule && html`<p>Then: markup ratio ${rule.markupRatio}, priority ${rule.priority}, ${criteria(rule)}.</p>`}
    ${rule && change.after && html`<${Preview} rule=${inputOf(rule)} replacing=${rule.id} />`}
  <//>`;
}

function Edit({ rule, onClose, onDone }) {
  const [draft, setDraft] = useState(() => (rule ? inputOf(rule) : { name: "", priority: 100, markupRatio: 1.15, rating: null, shapes: null, labGrown: null, supplier: null, carat: null }));
  const key = useMemo(uuid, []);
  const set = (name, value) => setDraft((before) => ({ ...before, [name]: value }));
  const number = (name) => (event) => set(name, event.target.value === "" ? null : Number(event.target.value));
  const carat = (end) => (event) => setDraft((before) => {
    const range = { min: null, max: null, ...before.carat, [end]: event.target.value === "" ? null : Number(event.target.value) };
    return { ...before, carat: range.min === null && range.max === null ? null : range };
  });
  const shape = (name) => (event) => setDraft((before) => {
    const chosen = event.target.checked ? [...(before.shapes ?? []), name] : (before.shapes ?? []).filter((one) => one !== name);
    return { ...before, shapes: chosen.length ? chosen : null };
  });
  const complete = draft.name.trim() !== "" && Number.isInteger(draft.priority) && draft.markupRatio > 0;
  const save = async () => {
    if (rule) {
      await mutate(UPDATE, { pricingRuleId: rule.id, rule: draft });
      await onDone(`The rule ${draft.name} was changed.`);
    } else {
      await mutate(CREATE, { rule: draft, idempotencyKey: key });
      await onDone(`The rule ${draft.name} was created.`);
    }
  };
  return html`<${Confirm} wide title=${rule ? `Edit ${rule.name}` : "New rule"} confirmLabel="Save rule" ready=${complete} onClose=${onClose} onConfirm=${save}>
    <div class="fields">
      <label>Name<input required value=${draft.name} onInput=${(event) => set("name", event.target.value)} /></label>
      <label>Priority<input type="number" step="1" required value=${draft.priority ?? ""} onInput=${number("priority")} /></label>
      <label>Markup ratio<input type="number" step="0.0001" min="0.0001" required value=${draft.markupRatio ?? ""} onInput=${number("markupRatio")} /></label>
      <label>Rating, 1 to 10<input type="number" step="1" min="1" max="10" value=${draft.rating ?? ""} onInput=${number("rating")} /></label>
      <label>Carat from<input type="number" step="0.001" min="0" value=${draft.carat?.min ?? ""} onInput=${carat("min")} /></label>
      <label>Carat to<input type="number" step="0.001" min="0" value=${draft.carat?.max ?? ""} onInput=${carat("max")} /></label>
      <label>Origin<select value=${draft.labGrown === null ? "" : String(draft.labGrown)} onChange=${(event) => set("labGrown", event.target.value === "" ? null : event.target.value === "true")}><option value="">Both</option><option value="false">Natural</option><option value="true">Lab-grown</option></select></label>
      <label>Supplier<input value=${draft.supplier ?? ""} placeholder="all" onInput=${(event) => set("supplier", event.target.value.trim() || null)} /></label>
    </div>
    <fieldset><legend>Shapes (none chosen: all)</legend><div class="choices">${SHAPES.map((name) => html`<label key=${name} class="check"><input type="checkbox" checked=${draft.shapes?.includes(name) ?? false} onChange=${shape(name)} /> ${words(name)}</label>`)}</div></fieldset>
    <${Preview} rule=${complete ? draft : null} replacing=${rule?.id ?? null} />
  <//>`;
}

// The effect on prices, read again when the draft has been quiet for a moment.
function Preview({ rule, replacing }) {
  const [state, setState] = useState({});
  const key = rule && JSON.stringify(rule);
  useEffect(() => {
    setState({ loading: Boolean(key) });
    if (!key) return undefined;
    let current = true;
    const timer = setTimeout(async () => {
      try {
        const { data, errors } = await request(PREVIEW, { rule: JSON.parse(key), replacing });
        if (current) setState({ preview: data.pricingRulePreview, failure: errors[0]?.message });
      } catch (error) {
        if (current) setState({ failure: error.message });
      }
    }, 400);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [key, replacing]);
  const { preview, failure, loading } = state;
  return html`<section aria-live="polite" class="preview"><h3>Preview</h3>
    ${failure && html`<p role="alert">${failure}</p>`}${loading && html`<p class="note">Computing …</p>`}${!rule && html`<p class="note">Enter a name, a priority and a markup ratio.</p>`}
    ${preview && html`<${Facts} pairs=${[["Diamonds that the rule decides", count(preview.decidedCount)], ["Affected", count(preview.affectedCount)], ["Prices that change", count(preview.changedCount)], ["Total now", money(preview.oldTotal)], ["Total then", money(preview.newTotal)]]} />
      ${preview.samples.length > 0 && html`<${Table} caption="Diamonds whose prices change most" rows=${preview.samples} keyOf=${(one) => one.diamond.databaseId} columns=${SAMPLE} />`}`}
  </section>`;
}

const SAMPLE = [
  { key: "diamond", label: "Diamond", show: (one) => describe(one.diamond) },
  { key: "old", label: "Now", number: true, show: (one) => money(one.oldPrice) },
  { key: "new", label: "Then", number: true, show: (one) => money(one.newPrice) },
];

function Remove({ rule, onClose, onDone }) {
  const remove = async () => {
    await mutate(DELETE, { pricingRuleId: rule.id });
    await onDone(`The rule ${rule.name} was deleted.`);
  };
  return html`<${Confirm} danger title=${`Delete ${rule.name}`} confirmLabel="Delete rule" onClose=${onClose} onConfirm=${remove}>
    <p>Its diamonds get the price of the next rule that matches, or of the default markup, with the next repricing. The rule matches ${criteria(rule)} and has the markup ratio ${rule.markupRatio}.</p><//>`;
}

function Reprice() {
  const [asking, setAsking] = useState(false);
  const [job, setJob] = useState(null);
  const [failure, setFailure] = useState(null);
  const open = job && (job.status === "QUEUED" || job.status === "RUNNING");
  useEffect(() => {
    if (!open) return undefined;
    const timer = setTimeout(async () => {
      try {
        const { data } = await request(JOB, { id: job.id });
        setJob(data.job ?? { ...job, status: "DONE" });
        setFailure(null);
      } catch (error) {
        setFailure(error.message);
        setJob({ ...job });
      }
    }, 1000);
    return () => clearTimeout(timer);
  }, [job, open]);
  const start = async () => setJob((await mutate(REPRICE)).job);
  const texts = { QUEUED: "The repricing waits.", RUNNING: "Repricing.", DONE: `Repriced: ${counted(job?.changed, "price")} changed.`, FAILED: `The repricing failed: ${job?.error?.message}` };
  return html`<button onClick=${() => setAsking(true)} disabled=${Boolean(open)}>Reprice the inventory</button>
    ${job && html`<div role="status">${open && job.progress ? html`<${Progress} label=${`${count(job.progress.done)} of ${counted(job.progress.total, "diamond")} repriced`} ...${job.progress} />` : texts[job.status]}${failure && ` ${failure}`}</div>`}
    ${asking && html`<${Confirm} title="Reprice the inventory" confirmLabel="Reprice" onClose=${() => setAsking(false)} onConfirm=${start}>
      <p>Every diamond gets the price of the current rules, in the background. Open holds keep their guaranteed price.</p><//>`}`;
}
