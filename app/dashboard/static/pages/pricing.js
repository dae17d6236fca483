// Pricing rules: edit with a preview of the prices, undo, and reprice with progress.
import { mutate, request, useQuery } from "../api.js";
import { count, instant, money, words } from "../format.js";
import { html, useEffect, useMemo, useState } from "../lib.js";
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
const REPRICE = `mutation Reprice { inventoryReprice { job { id status progress { done total } } userErrors { message code } } }`;
const JOB = `query Job($id: ID!) { job(id: $id) { id status changed progress { done total } error { message } } }`;
const SHAPES = ["ROUND", "PRINCESS", "CUSHION", "EMERALD", "OVAL", "PEAR", "MARQUISE", "ASSCHER", "RADIANT", "HEART", "TRILLIANT", "BAGUETTE", "OTHER"];
const uuid = () => crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;

// The input that makes a rule as it is.
const inputOf = (rule) => ({
  name: rule.name, priority: rule.priority, markupRatio: rule.markupRatio, rating: rule.rating, shapes: rule.shapes, labGrown: rule.labGrown, supplier: rule.supplier,
  carat: rule.caratMin === null && rule.caratMax === null ? null : { min: rule.caratMin, max: rule.caratMax },
});

export function Pricing({ caller }) {
  const may = caller.can("pricing:write");
  const query = useQuery(RULES, {}, { poll: 60, skip: !may });
  const [dialog, setDialog] = useState(null);
  const [last, setLast] = useState(null);
  if (!may) return html`<h1>Pricing</h1><p class="empty">Pricing needs a key with the scope pricing:write.</p>`;
  const rules = query.data?.pricingRules ?? [];
  const done = async (text, undo) => {
    setLast({ text, undo });
    await query.refresh();
  };
  return html`<h1>Pricing</h1>
    <p>Of the rules that match a diamond the one with the lowest priority number decides. Without a match the default markup applies.</p>
    <div class="actions"><button class="primary" onClick=${() => setDialog({ kind: "edit" })}>New rule</button><${Reprice} /></div>
    ${last && html`<${Changed} key=${last.text} ...${last} onUndone=${(text) => done(text, null)} />`}
    <${Gaps} query=${query} />
    ${query.data && html`<${Table} caption="Pricing rules, in the order in which they are tried" columns=${columns(setDialog)} rows=${rules} empty="There is no rule; every diamond has the default markup." />`}
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

// What was changed last in this view, with the way back: the rule's earlier values are written again.
function Changed({ text, undo, onUndone }) {
  const [failure, setFailure] = useState(null);
  const back = async () => {
    try {
      await undo();
      await onUndone("The change was undone. Reprice to apply the rules.");
    } catch (error) {
      setFailure(error.message);
    }
  };
  return html`<div role="status"><${Notice} kind=${failure ? "bad" : "good"}><p>${text} ${undo && html`<button onClick=${back}>Undo</button>`}</p>${failure && html`<p>${failure}</p>`}<//></div>`;
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
      await onDone(`The rule ${draft.name} was changed. Reprice to apply it.`, () => mutate(UPDATE, { pricingRuleId: rule.id, rule: inputOf(rule) }));
    } else {
      const { pricingRule } = await mutate(CREATE, { rule: draft, idempotencyKey: key });
      await onDone(`The rule ${draft.name} was created. Reprice to apply it.`, () => mutate(DELETE, { pricingRuleId: pricingRule.id }));
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
    ${preview && html`<${Facts} pairs=${[["Diamonds that the rule decides", count(preview.decidedCount)], ["Affected", count(preview.affectedCount)], ["Other price", count(preview.changedCount)], ["Total now", money(preview.oldTotal)], ["Total then", money(preview.newTotal)]]} />
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
    const key = uuid();
    await onDone(`The rule ${rule.name} was deleted. Reprice to apply the rules.`, () => mutate(CREATE, { rule: inputOf(rule), idempotencyKey: key }));
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
  const texts = { QUEUED: "The repricing waits.", RUNNING: "Repricing.", DONE: `Repriced: ${count(job?.changed)} prices changed.`, FAILED: `The repricing failed: ${job?.error?.message}` };
  return html`<button onClick=${() => setAsking(true)} disabled=${Boolean(open)}>Reprice the inventory</button>
    ${job && html`<div role="status">${open && job.progress ? html`<${Progress} label=${`${count(job.progress.done)} of ${count(job.progress.total)} diamonds repriced`} ...${job.progress} />` : texts[job.status]}${failure && ` ${failure}`}</div>`}
    ${asking && html`<${Confirm} title="Reprice the inventory" confirmLabel="Reprice" onClose=${() => setAsking(false)} onConfirm=${start}>
      <p>Every diamond gets the price of the current rules, in the background. Open holds keep their guaranteed price.</p><//>`}`;
}
