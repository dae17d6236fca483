// Overview: whether the last sync succeeded, why not, what to do; open incidents; 30 days of runs; the inventory.
import { mutateBy, useQuery, useSubscription } from "../api.js";
import { adviceFor } from "../advice.js";
import { Shares, Trend } from "../charts.js";
import { ago, clock, count, counted, dollars, duration, instant, money, secondsBetween, short, words } from "../format.js";
import { html, useMemo, useState } from "../lib.js";
import { link } from "../router.js";
import { Badge, Confirm, Gaps, Marked, Notice, Tile, symbol } from "../ui.js";

const QUERY = `query Overview($stones: Boolean!, $holds: Boolean!, $purchases: Boolean!, $allClients: Boolean!, $since: DateTime!) {
  syncRuns(first: 100) { nodes {
    databaseId feed type status startedAt completedAt consolidatedAt windowTo movesWatermark watermarkMovedAt startedBy
    error { code message } progress { failed total }
    figures { fetched upserted unchanged quarantined deleted }
  } }
  syncSchedule { nextRunAt startedByJobs }
  syncFeeds { name maxAgeHours }
  incidents(first: 20) { id kind runId subject reason nextStep createdAt sentAt deliveryError }
  diamonds(first: 1, filter: { availability: [AVAILABLE, ON_HOLD, SOLD, UNAVAILABLE] }) @include(if: $stones) { totalCount facets {
    shapes { value count } labGrown { value count }
    price { buckets { min max count } quantiles { p5 { formatted } median { formatted } p95 { formatted } } }
  } }
  holds(state: [REQUESTED, ACTIVE], first: 1, allClients: $allClients) @include(if: $holds) { totalCount }
  unknown: purchases(state: [UNKNOWN], first: 1, allClients: $allClients) @include(if: $purchases) { totalCount }
  tradingFigures(since: $since, allClients: $allClients) @include(if: $purchases) { holds sales salesTotal { formatted } }
}`;
const RUN = `subscription Run($id: ID!) { syncRunProgress(runId: $id) { databaseId status progress { succeeded total fetched planned } } }`;
const RESOLVE = `mutation Resolve($id: ID!) { incidentResolve(id: $id) { userErrors { message code } } }`;
const DAY = 86_400;
const POLL_SECONDS = 30;
// The default of FEED_<NAME>_MAX_AGE_HOURS; ten hours later old data counts as a failure.
const MAX_AGE_HOURS = 26;
const MUCH_LONGER_SECONDS = 36_000;
const OPEN = new Set(["PLANNING", "RUNNING", "CONSOLIDATING"]);

export function Overview({ caller }) {
  const today = `${new Date().toISOString().slice(0, 10)}T00:00:00Z`;
  const variables = {
    stones: caller.can("diamonds:read"),
    holds: caller.can("holds:write"),
    purchases: caller.can("purchases:write"),
    allClients: caller.can("purchases:admin"),
    since: today,
  };
  const query = useQuery(QUERY, variables, { poll: POLL_SECONDS });
  const runs = query.data?.syncRuns?.nodes ?? [];
  const feeds = [...new Set(runs.map((run) => run.feed))].sort();
  const open = runs.find((run) => OPEN.has(run.status));
  useSubscription(RUN, { id: open?.databaseId }, { skip: !open, onNext: query.refresh, onLive: query.refresh });
  return html`<h1>Overview</h1>
    <${Gaps} query=${query} />
    ${query.data && html`
      <p class="note">As of ${clock(query.at)}. The page reads its figures again every ${POLL_SECONDS} seconds, and when a run changes.</p>
      ${feeds.length > 1 ? feeds.map((feed) => html`<${Verdict} key=${feed} runs=${runs.filter((run) => run.feed === feed)} feed=${feed} />`) : html`<${Verdict} runs=${runs} />`}
      <${Incidents} incidents=${query.data.incidents ?? []} caller=${caller} onResolved=${query.refresh} />
      <${Tiles} data=${query.data} runs=${runs} caller=${caller} />
      <${Trends} runs=${runs} />
      ${query.data.diamonds && html`<${Inventory} diamonds=${query.data.diamonds} />`}`}`;
}

// How the last run ended. `feed`: named where there are several.
function Verdict({ runs, feed = null }) {
  const of = feed ? ` of ${feed}` : "";
  const latest = runs[0];
  if (!latest) return html`<${Notice} kind="warning" title="There is no run yet."><p>The inventory is filled by the first run of the sync.</p><//>`;
  const ended = runs.find((run) => !OPEN.has(run.status));
  const address = (run) => link(`runs/${run.databaseId}`);
  const running = latest !== ended && html`<p><${Badge} state=${latest.status} /> <a href=${address(latest)}>A run is in progress</a>, since ${instant(latest.startedAt)}.</p>`;
  if (!ended) return html`<${Notice} kind="info" title=${`The first run${of} is in progress.`}>${running}<//>`;
  const when = html`<a href=${address(ended)}>${words(ended.type)} run of ${instant(ended.startedAt)}</a> (${ago(ended.startedAt)})`;
  if (ended.status === "COMPLETED") {
    return html`<${Notice} kind="good" title=${`✓ The last sync${of} succeeded.`}>
      <p>${when}: ${counted(ended.figures.upserted, "diamond")} changed, ${count(ended.figures.deleted)} deleted, ${count(ended.figures.quarantined)} quarantined, in ${duration(secondsBetween(ended.startedAt, ended.completedAt))}.</p>${running}<//>`;
  }
  const advice = adviceFor(ended);
  return html`<${Notice} kind=${ended.status === "CANCELLED" ? "warning" : "bad"} title=${`${symbol(ended.status)} The last sync${of} ${ended.status === "CANCELLED" ? "was cancelled" : ended.status === "PARTIAL" ? "is partial" : "failed"}.`}>
    <p>${when}${ended.error ? html`: <${Marked} text=${ended.error.message ?? ended.error.code} />` : "."}</p>
    ${advice && html`<p><strong>What to do:</strong> <${Marked} text=${advice.text} /> <a href=${address(ended)}>Open the run</a></p>`}${running}<//>`;
}

const PLACES = { dead_letters: ["messages", "Open the messages"], quarantine_exceeded: ["quarantine", "Open the quarantine"] };

// What is open beside the last run, with the next step of the runbook.
function Incidents({ incidents, caller, onResolved }) {
  const [chosen, setChosen] = useState(null);
  if (!incidents.length) return html`<p class="note">No incident is open.</p>`;
  const place = ({ kind, runId }) => (runId ? [`runs/${runId}`, "Open the run"] : (PLACES[kind] ?? (kind.startsWith("purchase") ? ["trading", "Open the purchases"] : null)));
  const resolve = async () => {
    await mutateBy(RESOLVE, { id: chosen.id });
    await onResolved();
  };
  return html`<section><h2>${incidents.length === 20 ? "At least " : ""}${counted(incidents.length, "open incident")}</h2>
    <ul class="incidents">${incidents.map((one) => {
      const found = place(one);
      return html`<li key=${one.id}>
        <strong>✕ ${one.subject}</strong> <span class="note">since ${instant(one.createdAt)}, ${one.sentAt ? "alerted" : one.deliveryError ? `the alert failed: ${one.deliveryError}` : "not yet alerted"}</span>
        <p><${Marked} text=${one.reason} /></p><p><strong>What to do:</strong> <${Marked} text=${one.nextStep} /></p>
        <div class="actions">${found && html`<a class="button" href=${link(found[0])}>${found[1]}</a>`}${caller.can("sync:admin") && html`<button onClick=${() => setChosen(one)}>Mark as resolved</button>`}</div>
      </li>`;
    })}</ul>
    ${chosen && html`<${Confirm} title="Mark as resolved" confirmLabel="Mark as resolved" onClose=${() => setChosen(null)} onConfirm=${resolve}>
      <p>${chosen.subject}. It leaves this list and stays in the records with your name. Its cause is not changed by this.</p><//>`}
  </section>`;
}

function Tiles({ data, runs, caller }) {
  const feeds = [...new Set(runs.map((run) => run.feed))].sort();
  const each = (found) => feeds.map((feed) => runs.find((run) => run.feed === feed && found(run)));
  // The feed that is closest to, or furthest beyond, the age that it may have.
  const allowed = (run) => (data.syncFeeds?.find((feed) => feed.name === run.feed)?.maxAgeHours ?? MAX_AGE_HOURS) * 3600;
  const late = (run) => secondsBetween(run.windowTo) - allowed(run);
  const moved = each((run) => run.watermarkMovedAt).filter(Boolean).sort((a, b) => late(b) - late(a))[0];
  const age = moved ? secondsBetween(moved.windowTo) : null;
  const consolidated = each((run) => run.consolidatedAt).filter(Boolean);
  const of = (run) => (feeds.length > 1 ? `${run.feed}: ` : "");
  const unknown = data.unknown?.totalCount;
  const whose = caller.can("purchases:admin") ? "of all clients" : "of your client";
  const { tradingFigures: today, syncSchedule: schedule } = data;
  const next = schedule && secondsBetween(new Date(), schedule.nextRunAt);
  return html`<dl class="tiles">
    <${Tile} label="Freshness" value=${age === null ? "–" : duration(age)} kind=${!moved || late(moved) > MUCH_LONGER_SECONDS ? "bad" : late(moved) > 0 ? "warning" : ""}
      note=${moved ? `${feeds.length > 1 ? moved.feed : "the feed"} is read up to ${instant(moved.windowTo)}` : "the watermark has not moved yet"} />
    ${schedule && html`<${Tile} label="Next run" value=${`in ${duration(next)}`} note=${html`${instant(schedule.nextRunAt)}, ${schedule.startedByJobs ? "started by the jobs role" : html`if your own scheduler runs <code>diamonds-sync schedule</code>; <a href="#/status">the jobs role does not</a>`}`} />`}
    ${data.diamonds && html`<${Tile} label="Diamonds" value=${count(data.diamonds.totalCount)} href="#/inventory" note="in the inventory" />`}
    <${Tile} label="Quarantined" href="#/quarantine" value=${count(consolidated.length ? consolidated.reduce((sum, run) => sum + run.figures.quarantined, 0) : null)}
      note=${consolidated.length ? consolidated.map((run) => `${of(run)}${consolidated.length > 1 ? `${count(run.figures.quarantined)} ` : ""}by the ${words(run.type).toLowerCase()} run of ${instant(run.startedAt)}`).join("; ") : "no run is consolidated yet"} />
    ${data.holds && html`<${Tile} label="Open holds" href="#/trading" value=${count(data.holds.totalCount)} note=${`${today ? `${count(today.holds)} requested today, ` : ""}${whose}`} />`}
    ${today && html`<${Tile} label="Sales today (UTC)" value=${count(today.sales)} href="#/trading" note=${`${money(today.salesTotal)} ${whose}`} />`}
    ${data.unknown && html`<${Tile} label="Unknown purchases" value=${count(unknown)} kind=${unknown ? "bad" : ""} href="#/trading" note=${unknown ? "find out and record the outcome" : whose} />`}
  </dl>`;
}

const durations = (value) => duration(value);
const counts = (value, axis) => (axis ? short(value) : count(value));

function Trends({ runs }) {
  const shown = useMemo(() => runs.filter((run) => secondsBetween(run.startedAt) < 30 * DAY).reverse(), [runs]);
  if (!shown.length) return null;
  const tone = (run) => ({ COMPLETED: "plain", PARTIAL: "warning", FAILED: "bad", CANCELLED: "muted" })[run.status] ?? "active";
  const points = (value) => shown.map((run) => ({ at: Date.parse(run.startedAt) / 1000, label: `${instant(run.startedAt)}, ${words(run.status)}`, value: value(run), tone: tone(run) }));
  const figure = (name) => points((run) => (run.consolidatedAt || name === "fetched" ? run.figures[name] : null));
  const bad = shown.filter((run) => run.status === "FAILED" || run.status === "PARTIAL").length;
  return html`<section><h2>Runs of the last 30 days</h2><p class="note">${counted(shown.length, "run")}${runs.length === 100 ? " (the newest 100)" : ""}, ${bad ? `${count(bad)} failed or partial` : "none failed"}. A bar is a run; times are in UTC.</p><div class="charts">
    <${Trend} title="Duration" points=${points((run) => (run.completedAt ? secondsBetween(run.startedAt, run.completedAt) : null))} show=${durations} />
    <${Trend} title="Fetched" points=${figure("fetched")} show=${counts} />
    <${Trend} title="Changed" points=${figure("upserted")} show=${counts} />
    <${Trend} title="Quarantined" points=${figure("quarantined")} show=${counts} />
    <${Trend} title="Deleted" points=${figure("deleted")} show=${counts} />
  </div></section>`;
}

function Inventory({ diamonds }) {
  const { shapes, labGrown, price } = diamonds.facets;
  // Bounds are in cents; null is open.
  const range = ({ min, max }) => (max === null ? `${dollars(min)} and more` : `${min === null ? "up" : dollars(min)} to ${dollars(max)}`);
  const priced = ({ min, max }) => link("inventory", { priceFrom: min && min / 100, priceTo: max && max / 100 });
  return html`<section><h2>Inventory</h2>
    ${price.quantiles && html`<p class="note">Retail prices: half of the diamonds cost up to ${money(price.quantiles.median)}; 90 % lie between ${money(price.quantiles.p5)} and ${money(price.quantiles.p95)}.</p>`}
    <div class="columns">
      <${Shares} title="By shape" points=${[...shapes].sort((a, b) => b.count - a.count).map((one) => ({ label: words(one.value), value: one.count, href: link("inventory", { shape: one.value }) }))} />
      <${Shares} title="By origin" points=${labGrown.map((one) => ({ label: one.value ? "Lab-grown" : "Natural", value: one.count, href: link("inventory", { origin: one.value ? "lab" : "natural" }) }))} />
      <${Shares} title="By retail price" points=${price.buckets.map((one) => ({ label: range(one), value: one.count, href: priced(one) }))} />
    </div></section>`;
}
