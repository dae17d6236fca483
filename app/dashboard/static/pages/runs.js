// Runs: the list, with filters in the address, and the start of a new run.
import { mutate, request, useQuery } from "../api.js";
import { count, duration, instant, secondsBetween, words } from "../format.js";
import { html, useMemo, useState } from "../lib.js";
import { go, link } from "../router.js";
import { Badge, Confirm, Gaps, Table } from "../ui.js";

const QUERY = `query Runs($status: [SyncRunStatus!], $type: SyncRunType, $after: String) {
  syncRuns(first: 30, status: $status, type: $type, after: $after) {
    nodes { databaseId feed type status startedAt completedAt consolidatedAt startedBy error { code message } progress { succeeded total failed }
      figures { fetched upserted quarantined deleted } }
    pageInfo { hasNextPage endCursor }
  }
}`;
const START = `mutation Start($input: SyncStartInput!) {
  syncStart(input: $input) { run { databaseId } job { id status error { message } } userErrors { message code } }
}`;
const FEEDS = "query Feeds { syncFeeds { name } }";
const JOB = `query Job($id: ID!) { job(id: $id) { status error { message } run { databaseId } } }`;
const STATUSES = ["PLANNING", "RUNNING", "CONSOLIDATING", "COMPLETED", "PARTIAL", "FAILED", "CANCELLED"];

export function Runs({ query: address, caller }) {
  const [starting, setStarting] = useState(false);
  const status = address.get("status"), type = address.get("type"), after = address.get("after");
  const query = useQuery(QUERY, { status: status ? [status] : null, type, after }, { poll: 10 });
  const page = query.data?.syncRuns;
  const filter = (name) => (event) => go(link("runs", { status, type, [name]: event.target.value }));
  return html`<h1>Runs</h1>
    <div class="toolbar">
      <label>Status<select value=${status ?? ""} onChange=${filter("status")}><option value="">All</option>${STATUSES.map((one) => html`<option key=${one} value=${one}>${words(one)}</option>`)}</select></label>
      <label>Type<select value=${type ?? ""} onChange=${filter("type")}><option value="">All</option><option value="FULL">Full</option><option value="INCREMENTAL">Incremental</option></select></label>
      ${caller.can("sync:admin") && html`<button class="primary" onClick=${() => setStarting(true)}>Start a run</button>`}
    </div>
    <${Gaps} query=${query} />
    ${page && html`<${Table} caption="Runs, newest first" columns=${COLUMNS} rows=${page.nodes} keyOf=${(run) => run.databaseId} empty="No run matches." />
      <div class="actions">
        ${after && html`<a class="button" href=${link("runs", { status, type })}>Newest runs</a>`}
        ${page.pageInfo.hasNextPage && html`<a class="button" href=${link("runs", { status, type, after: page.pageInfo.endCursor })}>Older runs</a>`}
      </div>`}
    ${starting && html`<${StartRun} onClose=${() => setStarting(false)} onStarted=${query.refresh} />`}`;
}

// A figure of the consolidation; unknown before it.
const written = (run, name) => count(run.consolidatedAt ? run.figures[name] : null);

const COLUMNS = [
  { key: "started", label: "Started", show: (run) => html`<a href=${link(`runs/${run.databaseId}`)}>${instant(run.startedAt)}</a>` },
  { key: "status", label: "Status", show: (run) => html`<${Badge} state=${run.status} />` },
  { key: "type", label: "Type", show: (run) => words(run.type) },
  { key: "feed", label: "Feed", show: (run) => run.feed },
  { key: "by", label: "Started by", show: (run) => run.startedBy },
  { key: "duration", label: "Duration", number: true, show: (run) => duration(secondsBetween(run.startedAt, run.completedAt)) },
  { key: "partitions", label: "Partitions", number: true, show: (run) => `${count(run.progress.succeeded)} of ${count(run.progress.total)}` },
  { key: "fetched", label: "Fetched", number: true, show: (run) => count(run.figures.fetched) },
  { key: "changed", label: "Changed", number: true, show: (run) => written(run, "upserted") },
  { key: "quarantined", label: "Quarantined", number: true, show: (run) => written(run, "quarantined") },
  { key: "deleted", label: "Deleted", number: true, show: (run) => written(run, "deleted") },
  { key: "error", label: "Reason", show: (run) => run.error?.code ?? "" },
];

// `feed`, `full`: what is proposed: after a full run that failed, another full one.
export function StartRun({ feed: proposed = null, full: proposedFull = false, onClose, onStarted }) {
  const [full, setFull] = useState(proposedFull);
  const [feed, setFeed] = useState(proposed);
  const names = useQuery(FEEDS, {}).data?.syncFeeds?.map((one) => one.name) ?? [];
  const key = useMemo(() => crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`, [full, feed]);
  const start = async () => {
    const payload = await mutate(START, { idempotencyKey: key, full, feed });
    onStarted();
    const id = payload.run?.databaseId ?? (await planned(payload.job));
    if (id) go(link(`runs/${id}`));
  };
  return html`<${Confirm} title="Start a run" confirmLabel="Start run" onConfirm=${start} onClose=${onClose}>
    <p>A run reads the supplier's feed and updates the inventory. Only one run of a feed can be open.</p>
    ${names.length > 1 && html`<label>Feed<select value=${feed ?? names[0]} onChange=${(event) => setFeed(event.target.value)}>${names.map((name) => html`<option key=${name} value=${name}>${name}</option>`)}</select></label>`}
    <label class="check"><input type="checkbox" checked=${full} onChange=${(event) => setFull(event.target.checked)} /> Read everything (a full run), even if the last full run is recent</label>
  <//>`;
}

// The run of a start that is still being planned: its job knows it as soon as it exists.
async function planned(job) {
  for (let attempt = 0; job && attempt < 30; attempt++) {
    const { data } = await request(JOB, { id: job.id });
    if (data.job?.run) return data.job.run.databaseId;
    if (data.job?.error) throw new Error(data.job.error.message);
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  return null;
}
