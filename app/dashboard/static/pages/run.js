// One run, live: progress, partitions by price, figures, the reason of a failure, and the actions that repair it.
import { mutate, request, useQuery, useSubscription } from "../api.js";
import { adviceFor } from "../advice.js";
import { ago, clock, count, counted, csv, dollars, duration, instant, money, percent, secondsBetween, words } from "../format.js";
import { html, useEffect, useState } from "../lib.js";
import { link } from "../router.js";
import { Badge, Confirm, Facts, Gaps, Marked, Notice, Progress, Table, symbol, tone } from "../ui.js";
import { StartRun } from "./runs.js";

const FIELDS = `fragment RunFields on SyncRun {
  databaseId feed type status startedBy traceId windowFrom windowTo movesWatermark forcedBy massDeleteAllowedBy quarantineAllowedBy
  schemaDifferences startedAt deadlineAt consolidatedAt watermarkMovedAt completedAt
  figures { fetched distinct repeated upserted unchanged quarantined unidentified deleted revived countQueries }
  error { code message } progress { total succeeded failed open fetched planned maxOverMean } plan { total priced unpriced }
  partitions { id ordinal kind status planned fetched pages attempts workerId errorMessage startedAt completedAt
    priceFrom @include(if: $prices) { formatted cents } priceTo @include(if: $prices) { formatted } }
}`;
const READ = `query Run($id: ID!, $prices: Boolean!) { syncRun(id: $id) { ...RunFields } }`;
const FOLLOW = `subscription Run($id: ID!, $prices: Boolean!) { syncRunProgress(runId: $id) { ...RunFields } }`;
const RETRY = `mutation Retry($input: SyncRetryInput!) { syncRetry(input: $input) { job { id } userErrors { message code } } }`;
const CONSOLIDATE = `mutation Consolidate($input: SyncConsolidateInput!) { syncConsolidate(input: $input) { job { id } userErrors { message code } } }`;
const CANCEL = `mutation Cancel($input: SyncCancelInput!) { syncCancel(input: $input) { job { id } userErrors { message code } } }`;
const MISSING = `query Missing($runId: ID!, $after: String, $count: Boolean!) {
  missingDiamonds(runId: $runId, first: 100, after: $after) { totalCount @include(if: $count) diamonds { databaseId supplierStoneId shape carat price { formatted } } }
}`;
const EXPORT = `query Export($runId: ID!, $after: String) {
  missingDiamonds(runId: $runId, first: 100, after: $after) { diamonds { databaseId supplierStoneId shape carat price { cents } } }
}`;
const QUARANTINE = `query RunQuarantine($runId: ID!) { quarantine(runId: $runId) { fieldName reason count examples { supplierStoneId } } }`;
const LOG = `query RunLog($runId: ID!, $before: ID) { syncRunLog(runId: $runId, first: 100, before: $before) { id at level role event details } }`;
// A consolidation that is only repeated stops again.
const STOPPED = new Set(["MASS_DELETE_STOPPED", "QUARANTINE_EXCEEDED"]);
// The default of QUEUE_MAX_DELIVERY_COUNT.
const MOST_ATTEMPTS = 10;
const MOST_BOUNDARIES = 14;
const LOG_SECONDS = 3;
const OPEN = new Set(["PLANNING", "RUNNING", "CONSOLIDATING"]);

export function RunDetail({ id, caller }) {
  const [live, setLive] = useState(null);
  const [dialog, setDialog] = useState(null);
  const prices = caller.can("prices:supplier");
  const query = useQuery(`${READ} ${FIELDS}`, { id, prices });
  const read = query.data?.syncRun;
  const run = live ?? read;
  useSubscription(`${FOLLOW} ${FIELDS}`, { id, prices }, {
    skip: !read || !OPEN.has(run.status),
    onNext: (data) => setLive(data.syncRunProgress),
  });
  const done = async () => {
    await query.refresh();
    setLive(null);
  };
  if (query.data && !read) return html`<h1>Run</h1><p>There is no run with the id ${id}, or no record of it any more.</p>`;
  return html`<h1>Run${run ? ` of ${instant(run.startedAt)}` : ""}</h1>
    <${Gaps} query=${query} />
    ${run && html`
      <p class="lead"><${Badge} state=${run.status} /> ${words(run.type)} run of ${run.feed}, started by ${run.startedBy}</p>
      <${Reason} run=${run} />
      ${caller.can("sync:admin") ? html`<${Actions} run=${run} onChoose=${setDialog} />` : html`<p class="note">Actions need a key with the scope sync:admin.</p>`}
      <${Reading} run=${run} />
      <${Partitions} run=${run} caller=${caller} onRetry=${(partition) => setDialog({ kind: "retry", partition })} />
      <${Figures} run=${run} />
      <${Log} run=${run} />
      <${Details} run=${run} />
      ${dialog && html`<${ActionDialog} ...${dialog} run=${run} onClose=${() => setDialog(null)} onDone=${done} />`}`}`;
}

function Reason({ run }) {
  const advice = adviceFor(run);
  if (!run.error && !advice) return null;
  return html`<${Notice} kind=${run.status === "CANCELLED" ? "warning" : "bad"} title=${run.error ? `${run.error.code}${advice?.origin ? ` (origin: ${advice.origin})` : ""}` : "Partitions failed"}>
    ${run.error?.message && html`<p><${Marked} text=${run.error.message} /></p>`}
    ${advice && html`<p><strong>What to do:</strong> <${Marked} text=${advice.text} /></p>`}
  <//>`;
}

function Actions({ run, onChoose }) {
  const failed = run.progress.failed, advised = adviceFor(run)?.action;
  const repairable = run.status === "PARTIAL" || run.status === "FAILED";
  const incomplete = run.error?.code === "INCOMPLETE";
  const choices = [
    repairable && (failed > 0 || incomplete) && ["retry", failed ? `Retry ${failed === 1 ? "the failed partition" : counted(failed, "failed partition")}` : "Read the run again"],
    repairable && run.error?.code === "MASS_DELETE_STOPPED" && ["allow", "Review and allow the deletion"],
    repairable && run.error?.code === "QUARANTINE_EXCEEDED" && ["quarantine", "Review and allow the quarantine"],
    (run.status === "CONSOLIDATING" || (repairable && run.progress.total > 0 && !failed && !STOPPED.has(run.error?.code))) && ["consolidate", "Consolidate again"],
    repairable && run.progress.total > 0 && (failed > 0 || incomplete) && ["force", "Consolidate with gaps"],
    !OPEN.has(run.status) && ["start", "Start a new run"],
    OPEN.has(run.status) && ["cancel", "Cancel run"],
  ].filter(Boolean);
  return html`<div class="actions" role="group" aria-label="Actions">
    ${choices.map(([kind, label]) => html`<button key=${kind} class=${kind === "cancel" ? "danger" : kind === advised ? "primary" : ""} onClick=${() => onChoose({ kind })}>${label}</button>`)}
  </div>`;
}

function ActionDialog({ kind, partition, run, onClose, onDone }) {
  const act = (document, input = {}) => async () => {
    await mutate(document, { runId: run.databaseId, ...input });
    await onDone();
  };
  const common = { onClose };
  const failed = run.partitions.filter((one) => one.status === "FAILED" || one.status === "CANCELLED");
  if (kind === "start") return html`<${StartRun} feed=${run.feed} full=${run.type === "FULL"} onClose=${onClose} onStarted=${onDone} />`;
  if (kind === "retry") {
    const chosen = partition ? [partition] : failed.length ? failed : run.partitions;
    const stones = chosen.reduce((sum, one) => sum + one.planned, 0);
    return html`<${Confirm} ...${common} title=${partition ? `Retry partition ${partition.ordinal}` : "Retry failed partitions"} confirmLabel="Retry" onConfirm=${act(RETRY, { partitionId: partition?.id ?? null })}>
      <p>Read again from the beginning: ${count(chosen.length)} of ${counted(run.progress.total, "partition")} (${counted(stones, "diamond")} planned). The others stay as they are. Afterwards the run is consolidated.</p>
      <ul class="short">${chosen.slice(0, 8).map((one) => html`<li key=${one.id}>Partition ${one.ordinal}: <${Marked} text=${one.errorMessage ?? words(one.status)} /></li>`)}${chosen.length > 8 && html`<li>and ${count(chosen.length - 8)} more</li>`}</ul>
    <//>`;
  }
  if (kind === "allow") {
    return html`<${Allow} run=${run} onClose=${onClose} onConfirm=${act(CONSOLIDATE, { allowMassDelete: true })} />`;
  }
  if (kind === "quarantine") {
    return html`<${AllowQuarantine} run=${run} onClose=${onClose} onConfirm=${act(CONSOLIDATE, { allowQuarantine: true })} />`;
  }
  if (kind === "force") {
    return html`<${Confirm} ...${common} danger title="Consolidate with gaps" confirmLabel="Consolidate with gaps" onConfirm=${act(CONSOLIDATE, { force: true })}>
      <p>What was read by ${count(run.progress.succeeded)} of ${counted(run.progress.total, "partition")} goes into the inventory. Nothing is deleted, and the watermark stays, so the next run reads the same changes again.</p>
    <//>`;
  }
  if (kind === "consolidate") {
    return html`<${Confirm} ...${common} title="Consolidate again" confirmLabel="Consolidate" onConfirm=${act(CONSOLIDATE)}>
      <p>The consolidation prices and writes what was read: ${counted(run.figures.fetched, "stone")}. A repetition writes the same rows. The safety checks apply as before.</p>
    <//>`;
  }
  return html`<${Confirm} ...${common} danger title="Cancel run" confirmLabel="Cancel run" onConfirm=${act(CANCEL)}>
    <p>This stops ${counted(run.progress.open, "partition")}. What was read (${counted(run.figures.fetched, "stone")}) is not consolidated, and the watermark stays. A cancelled run can't be continued.</p>
  <//>`;
}

// The diamonds that the deletion is about, a page at a time. Their number must be typed.
function Allow({ run, onClose, onConfirm }) {
  const [pages, setPages] = useState([null]);
  const after = pages.at(-1);
  const query = useQuery(MISSING, { runId: run.databaseId, after, count: after === null });
  const found = query.data?.missingDiamonds;
  const [total, setTotal] = useState(null);
  if (found && total === null) setTotal(found.totalCount);
  return html`<${Confirm} wide danger title="Allow the deletion" confirmLabel="Delete and consolidate" typed=${total ?? "the number"} ready=${total !== null} onClose=${onClose} onConfirm=${onConfirm}>
    <p><${Marked} text=${run.error?.message} /></p>
    <p>The feed did not contain ${counted(total, "diamond")}. What is gone leaves the inventory: clients can no longer hold or buy it. The consolidation first asks the supplier for each diamond again; what it still has stays.</p>
    <${Gaps} query=${query} />
    ${found && html`<div class="limited"><${Table} caption="Diamonds that were not in the feed" columns=${GONE} rows=${found.diamonds} keyOf=${(one) => one.databaseId} empty="Every diamond was in the feed." /></div>
      <div class="actions">
        <${Download} run=${run} total=${total} />
        ${pages.length > 1 && html`<button type="button" onClick=${() => setPages(pages.slice(0, -1))}>Previous 100</button>`}
        ${found.diamonds.length === 100 && html`<button type="button" onClick=${() => setPages([...pages, found.diamonds.at(-1).supplierStoneId])}>Next 100</button>`}
      </div>`}
  <//>`;
}

// Every diamond of the list as a CSV file. A list that could not be read to its end is not saved.
function Download({ run, total }) {
  const [read, setRead] = useState(null);
  const [failure, setFailure] = useState(null);
  const save = async () => {
    setFailure(null);
    try {
      const rows = [["supplier_stone_id", "diamond_id", "shape", "carat", "retail_price_usd"]];
      for (let page = [null]; page.length; ) {
        const { data, errors } = await request(EXPORT, { runId: run.databaseId, after: rows.length > 1 ? rows.at(-1)[0] : null });
        if (errors.length) throw new Error(errors[0].message);
        page = data.missingDiamonds.diamonds;
        rows.push(...page.map((one) => [one.supplierStoneId, one.databaseId, one.shape, one.carat.toFixed(2), (one.price.cents / 100).toFixed(2)]));
        setRead(rows.length - 1);
      }
      const address = URL.createObjectURL(new Blob([csv(rows)], { type: "text/csv" }));
      Object.assign(document.createElement("a"), { href: address, download: `missing-${run.databaseId}.csv` }).click();
      setTimeout(() => URL.revokeObjectURL(address), 60_000);
    } catch (error) {
      setFailure(error);
    }
    setRead(null);
  };
  return html`<button type="button" disabled=${read !== null} onClick=${save}>${read === null ? `Download ${total === null ? "the list" : `all ${count(total)}`} as CSV` : `Reading ${count(read)} of ${count(total)} …`}</button>
    ${failure && html`<span role="alert">The list could not be read: <${Marked} text=${failure.message} /> Nothing was saved.</span>`}`;
}

// The problems of the items that would be quarantined. Their number must be typed.
function AllowQuarantine({ run, onClose, onConfirm }) {
  const query = useQuery(QUARANTINE, { runId: run.databaseId });
  const groups = query.data?.quarantine;
  const total = groups?.reduce((sum, one) => sum + one.count, 0);
  return html`<${Confirm} wide danger title="Allow the quarantine" confirmLabel="Allow and consolidate" typed=${total ?? "the number"} ready=${total !== undefined} onClose=${onClose} onConfirm=${onConfirm}>
    <p><${Marked} text=${run.error?.message} /></p>
    <p>The mapping cannot read ${counted(total, "item")} of this run. Such an item is not sold; the diamond of the inventory that it replaces leaves it. The others are consolidated, and the watermark moves. If the feed was broken and is repaired, close this and start a new run instead.</p>
    <${Gaps} query=${query} />
    ${groups && html`<div class="limited"><${Table} caption="Problems, the most frequent first" columns=${PROBLEMS} rows=${groups} keyOf=${(one) => `${one.fieldName}: ${one.reason}`} /></div>`}
    <p><a href=${link("quarantine", { run: run.databaseId })} target="_blank">Open the items with their payloads</a></p>
  <//>`;
}

const PROBLEMS = [
  { key: "field", label: "Field", show: (one) => html`<code>${one.fieldName}</code>` },
  { key: "reason", label: "Reason", show: (one) => html`<${Marked} text=${one.reason} />` },
  { key: "count", label: "Items", number: true, show: (one) => count(one.count) },
  { key: "example", label: "Example", show: (one) => html`<code>${one.examples[0]?.supplierStoneId}</code>` },
];

const GONE = [
  { key: "diamond", label: "Diamond", show: (one) => html`<a href=${link(`inventory/${one.databaseId}`)} target="_blank">${words(one.shape)} ${one.carat} ct</a>` },
  { key: "stone", label: "Supplier's stone id", show: (one) => html`<code>${one.supplierStoneId}</code>` },
  { key: "price", label: "Retail price", number: true, show: (one) => money(one.price) },
];

function Reading({ run }) {
  const { progress } = run;
  if (!OPEN.has(run.status) && run.status !== "PARTIAL") return null;
  // What a worker noted when it gave a partition back to try it again later.
  const troubled = OPEN.has(run.status) ? run.partitions.filter((one) => one.errorMessage && one.status !== "SUCCEEDED") : [];
  return html`${troubled.length > 0 && html`<${Notice} kind="warning" title=${`! The supplier or a server does not answer for ${count(troubled.length)} of ${counted(progress.total, "partition")}.`}>
      <p><${Marked} text=${troubled[0].errorMessage} /></p><p><strong>What to do:</strong> Nothing yet. Workers try again with growing pauses, and the run continues when it answers; after ${MOST_ATTEMPTS} attempts a partition fails and can be retried. The page Status shows what does not answer.</p><//>`}
    <section aria-label="Progress">
    <${Progress} label=${`${counted(progress.fetched, "item")} read for ${counted(progress.planned, "planned stone")} (${percent(Math.min(progress.fetched, progress.planned), progress.planned)})`} done=${progress.fetched} total=${progress.planned} />
    <p class="note">${count(progress.succeeded)} of ${counted(progress.total, "partition")} succeeded, ${count(progress.failed)} failed, ${count(progress.open)} open. ${OPEN.has(run.status) ? `Running for ${duration(secondsBetween(run.startedAt))}; fails if still open at ${instant(run.deadlineAt)}.` : ""}</p>
  </section>`;
}

const prices = (one) => (one.kind === "OUTSIDE" ? "without a price" : `${one.priceFrom ? money(one.priceFrom) : "lowest"} to ${one.priceTo ? money(one.priceTo) : "highest"}`);

function Partitions({ run, caller, onRetry }) {
  const [all, setAll] = useState(false);
  const ofFile = run.partitions[0]?.kind === "ROWS";
  const priced = caller.can("prices:supplier") && !ofFile;
  if (!run.partitions.length) return html`<section><h2>Partitions</h2><p class="empty">${run.status === "COMPLETED" ? "Nothing had changed, so nothing was read." : "The run was not planned."}</p></section>`;
  const rows = all ? run.partitions : run.partitions.filter((one) => one.status === "FAILED" || one.status === "RUNNING" || one.status === "CANCELLED" || (one.status === "PENDING" && one.errorMessage));
  const columns = [
    { key: "ordinal", label: "Partition", number: true, show: (one) => one.ordinal },
    priced && { key: "price", label: "Supplier price", show: prices },
    { key: "status", label: "Status", show: (one) => html`<${Badge} state=${one.status} />` },
    { key: "read", label: "Read of planned", number: true, show: (one) => `${count(one.fetched)} of ${count(one.planned)}` },
    { key: "pages", label: "Pages", number: true, show: (one) => count(one.pages) },
    { key: "attempts", label: "Attempts", number: true, show: (one) => count(one.attempts) },
    { key: "worker", label: "Worker", show: (one) => html`<code>${one.workerId ?? ""}</code>` },
    { key: "error", label: "Reason", show: (one) => one.errorMessage && html`<${Marked} text=${one.errorMessage} />` },
    caller.can("sync:admin") && (run.status === "PARTIAL" || run.status === "FAILED") && { key: "act", label: "Action", show: (one) => (one.status === "FAILED" || one.status === "CANCELLED") && html`<button onClick=${() => onRetry(one)} aria-label=${`Retry partition ${one.ordinal}`}>Retry</button>` },
  ].filter(Boolean);
  const most = Math.max(...run.partitions.map((one) => one.planned), 1);
  // Where the bands begin; with many bands some of the boundaries.
  const every = Math.ceil(run.partitions.length / MOST_BOUNDARIES);
  return html`<section><h2>Partitions</h2>
    <p class="note heatmap-note">${ofFile ? "Rows of files, in their order." : "By supplier price, the lowest first; below is the price at which a band begins."} The height is the number of planned stones, the filled part what was read. The largest band has ${run.progress.maxOverMean.toFixed(2)} times the mean.</p>
    <div class="heatmap" role="list" aria-label="Partitions">
      ${run.partitions.map((one, index) => html`<div key=${one.id} role="listitem" class=${`cell ${tone(one.status)}`} title=${`Partition ${one.ordinal}${priced ? `, ${prices(one)}` : ""}: ${words(one.status)}, ${count(one.fetched)} of ${counted(one.planned, "stone")}`}>
        <svg viewBox="0 0 10 100" preserveAspectRatio="none" aria-hidden="true">
          <rect class="planned" width="10" y=${100 - (one.planned / most) * 100} height=${(one.planned / most) * 100} />
          <rect class="read" width="10" y=${100 - (Math.min(one.fetched, one.planned) / most) * 100} height=${(Math.min(one.fetched, one.planned) / most) * 100} />
        </svg>
        <span aria-hidden="true">${symbol(one.status)}</span><span class="hidden">Partition ${one.ordinal}: ${words(one.status)}, ${count(one.fetched)} of ${counted(one.planned, "stone")}</span>
        ${priced && index % every === 0 && html`<span class="boundary" aria-hidden="true">${one.kind === "OUTSIDE" ? "no price" : one.priceFrom ? dollars(one.priceFrom.cents) : "lowest"}</span>`}
      </div>`)}
    </div>
    <label class="check"><input type="checkbox" checked=${all} onChange=${(event) => setAll(event.target.checked)} /> Show every partition (${count(run.partitions.length)})</label>
    <${Table} caption="Partitions" columns=${columns} rows=${rows} empty="No partition is running or failed." />
  </section>`;
}

// What the processes logged about the run, newest first; live while it is open.
function Log({ run }) {
  const [before, setBefore] = useState(null);
  const [warnings, setWarnings] = useState(false);
  const query = useQuery(LOG, { runId: run.databaseId, before }, { poll: OPEN.has(run.status) && !before ? LOG_SECONDS : 0 });
  // The last lines of a run arrive just after its end.
  useEffect(() => {
    const timer = setTimeout(query.refresh, LOG_SECONDS * 1000);
    return () => clearTimeout(timer);
  }, [run.status]);
  // They are stored in the order of their arrival; processes send theirs once a second.
  const lines = query.data?.syncRunLog ?? [];
  const shown = lines.filter((one) => !warnings || one.level !== "info").sort((a, b) => Date.parse(b.at) - Date.parse(a.at));
  return html`<section><h2>Log</h2>
    <label class="check"><input type="checkbox" checked=${warnings} onChange=${(event) => setWarnings(event.target.checked)} /> Only warnings and errors</label>
    <${Gaps} query=${query} />
    ${query.data && html`<div class="limited"><${Table} caption="Log lines, newest first" columns=${LINES} rows=${shown} empty=${lines.length ? "None of these lines is a warning." : "No line is stored for this run."} /></div>
      <div class="actions">${before && html`<button onClick=${() => setBefore(null)}>Newest lines</button>`}${lines.length === 100 && html`<button onClick=${() => setBefore(lines.at(-1).id)}>Older lines</button>`}</div>`}
  </section>`;
}

const LEVELS = { debug: ["·", "muted"], warning: ["!", "warning"], error: ["✕", "bad"], critical: ["✕", "bad"] };
const LINES = [
  { key: "at", label: "Time", show: (line) => html`<span class="nowrap">${clock(line.at)}</span>` },
  { key: "level", label: "Level", show: (line) => line.level === "info" ? "info" : html`<span class=${`badge ${(LEVELS[line.level] ?? LEVELS.debug)[1]}`}><span aria-hidden="true">${(LEVELS[line.level] ?? LEVELS.debug)[0]}</span> ${line.level}</span>` },
  { key: "role", label: "Role", show: (line) => html`<span class="nowrap">${line.role}</span>` },
  { key: "event", label: "Event", show: (line) => html`<code>${line.event}</code>` },
  { key: "details", label: "Details", show: (line) => line.details },
];

function Figures({ run }) {
  const { figures, progress, plan } = run;
  const written = (value) => count(run.consolidatedAt ? value : null);
  return html`<section><h2>Figures</h2><${Facts} pairs=${[
    plan && ["In the feed", `${count(plan.total)}, ${count(plan.unpriced)} without a price`],
    ["Planned", count(progress.planned)], ["Fetched", count(figures.fetched)], ["Different stones", count(figures.distinct)], ["Read twice", count(figures.repeated)],
    ["Changed", written(figures.upserted)], ["Unchanged", written(figures.unchanged)], ["Quarantined", html`<a href=${link("quarantine", { run: run.databaseId })}>${run.consolidatedAt ? count(figures.quarantined) : "show"}</a>`], ["Without an id", count(figures.unidentified)],
    ["Deleted", written(figures.deleted)], ["Came back", written(figures.revived)], ["Count queries", count(figures.countQueries)],
  ]} /></section>`;
}

function Details({ run }) {
  return html`<section><h2>Details</h2><${Facts} pairs=${[
    ["Run id", html`<code>${run.databaseId}</code>`], ["Trace id of its logs", html`<code>${run.traceId}</code>`],
    ["Window", `${run.windowFrom ? instant(run.windowFrom) : "everything"} to ${instant(run.windowTo)}`],
    ["Started", `${instant(run.startedAt)} (${ago(run.startedAt)})`], ["Ended", instant(run.completedAt)], ["Duration", duration(secondsBetween(run.startedAt, run.completedAt))],
    ["Consolidated", instant(run.consolidatedAt)], ["Watermark moved", run.movesWatermark ? instant(run.watermarkMovedAt) : "not by this run"],
    run.forcedBy && ["Consolidated with gaps by", run.forcedBy], run.massDeleteAllowedBy && ["Deletion allowed by", run.massDeleteAllowedBy], run.quarantineAllowedBy && ["Quarantine allowed by", run.quarantineAllowedBy],
  ]} />
  ${run.schemaDifferences.length > 0 && html`<h3>Differences of the supplier's schema</h3><ul>${run.schemaDifferences.map((text) => html`<li key=${text}><${Marked} text=${text} /></li>`)}</ul>`}</section>`;
}
