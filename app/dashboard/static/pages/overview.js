// Overview: whether the last sync succeeded, why not, what to do; the inventory and 30 days of runs.
import { useQuery, useSubscription } from "../api.js";
import { adviceFor } from "../advice.js";
import { Bars, Shares } from "../charts.js";
import { count, dollars, duration, instant, money, secondsBetween, words } from "../format.js";
import { html, useMemo } from "../lib.js";
import { link } from "../router.js";
import { Badge, Gaps, Notice, Tile, symbol } from "../ui.js";

const QUERY = `query Overview($stones: Boolean!, $holds: Boolean!, $purchases: Boolean!, $allClients: Boolean!) {
  syncRuns(first: 100) { nodes {
    databaseId type status startedAt completedAt consolidatedAt windowTo movesWatermark watermarkMovedAt startedBy
    error { code message } progress { failed total }
    figures { fetched upserted unchanged quarantined deleted }
  } }
  diamonds(first: 1) @include(if: $stones) { totalCount facets {
    shapes { value count } labGrown { value count }
    price { buckets { min { cents } max { cents } count } quantiles { p5 { formatted } median { formatted } p95 { formatted } } }
  } }
  holds(state: [REQUESTED, ACTIVE], first: 1, allClients: $allClients) @include(if: $holds) { totalCount }
  unknown: purchases(state: [UNKNOWN], first: 1, allClients: $allClients) @include(if: $purchases) { totalCount }
  recent: purchases(first: 100, allClients: $allClients) @include(if: $purchases) { nodes { state requestedAt price { cents } } }
}`;
const RUN = `subscription Run($id: ID!) { syncRunProgress(runId: $id) { databaseId status progress { succeeded total fetched planned } } }`;
const DAY = 86_400;
const OPEN = new Set(["PLANNING", "RUNNING", "CONSOLIDATING"]);
const SOLD = new Set(["ORDERED", "CONFIRMED"]);

export function Overview({ caller }) {
  const variables = {
    stones: caller.can("diamonds:read"),
    holds: caller.can("holds:write"),
    purchases: caller.can("purchases:write"),
    allClients: caller.can("purchases:admin"),
  };
  const query = useQuery(QUERY, variables, { poll: 30 });
  const runs = query.data?.syncRuns?.nodes ?? [];
  const latest = runs[0];
  const open = latest && OPEN.has(latest.status) ? latest : null;
  useSubscription(RUN, { id: open?.databaseId }, { skip: !open, onNext: query.refresh, onLive: query.refresh });
  return html`<h1>Overview</h1>
    <${Gaps} query=${query} />
    ${query.data && html`
      <${Verdict} runs=${runs} />
      <${Tiles} data=${query.data} runs=${runs} caller=${caller} />
      <${Trends} runs=${runs} />
      ${query.data.diamonds && html`<${Inventory} diamonds=${query.data.diamonds} />`}`}`;
}

function Verdict({ runs }) {
  const latest = runs[0];
  if (!latest) return html`<${Notice} kind="warning" title="There is no run yet."><p>The inventory is filled by the first run of the sync.</p><//>`;
  const ended = runs.find((run) => !OPEN.has(run.status));
  const address = (run) => link(`runs/${run.databaseId}`);
  const running = latest !== ended && html`<p><${Badge} state=${latest.status} /> <a href=${address(latest)}>A run is in progress</a>, since ${instant(latest.startedAt)}.</p>`;
  if (!ended) return html`<${Notice} kind="info" title="The first run is in progress.">${running}<//>`;
  const when = html`<a href=${address(ended)}>${words(ended.type)} run of ${instant(ended.startedAt)}</a>`;
  if (ended.status === "COMPLETED") {
    return html`<${Notice} kind="good" title="✓ The last sync succeeded.">
      <p>${when}: ${count(ended.figures.upserted)} diamonds changed, ${count(ended.figures.deleted)} deleted, ${count(ended.figures.quarantined)} quarantined, in ${duration(secondsBetween(ended.startedAt, ended.completedAt))}.</p>${running}<//>`;
  }
  const advice = adviceFor(ended);
  return html`<${Notice} kind=${ended.status === "CANCELLED" ? "warning" : "bad"} title=${`${symbol(ended.status)} The last sync ${ended.status === "CANCELLED" ? "was cancelled" : ended.status === "PARTIAL" ? "is partial" : "failed"}.`}>
    <p>${when}${ended.error ? `: ${ended.error.message ?? ended.error.code}` : "."}</p>
    ${advice && html`<p><strong>What to do:</strong> ${advice.text} <a href=${address(ended)}>Open the run</a></p>`}${running}<//>`;
}

function Tiles({ data, runs, caller }) {
  const moved = runs.find((run) => run.watermarkMovedAt);
  const age = moved ? secondsBetween(moved.windowTo) : null;
  const today = new Date().toISOString().slice(0, 10);
  const sales = (data.recent?.nodes ?? []).filter((purchase) => SOLD.has(purchase.state) && purchase.requestedAt.startsWith(today));
  const unknown = data.unknown?.totalCount;
  const whose = caller.can("purchases:admin") ? "of all clients" : "of your client";
  return html`<dl class="tiles">
    ${data.diamonds && html`<${Tile} label="Diamonds" value=${count(data.diamonds.totalCount)} />`}
    <${Tile} label="Freshness" value=${age === null ? "–" : duration(age)} kind=${age === null || age > 36 * 3600 ? "bad" : age > 26 * 3600 ? "warning" : ""}
      note=${moved ? `the feed is read up to ${instant(moved.windowTo)}` : "the watermark has not moved yet"} />
    ${data.holds && html`<${Tile} label="Open holds" href="#/trading" value=${count(data.holds.totalCount)} note=${whose} />`}
    ${data.recent && html`<${Tile} label="Sales today (UTC)" value=${count(sales.length)} note=${`${dollars(sales.reduce((sum, one) => sum + one.price.cents, 0))} ${whose}`} />`}
    ${data.unknown && html`<${Tile} label="Unknown purchases" value=${count(unknown)} kind=${unknown ? "bad" : ""} href="#/trading" note=${unknown ? "find out and record the outcome" : whose} />`}
    <${Tile} label="Quarantined by the last run" href="#/quarantine" value=${count(runs.find((run) => run.consolidatedAt)?.figures.quarantined)} />
  </dl>`;
}

function Trends({ runs }) {
  const shown = useMemo(() => runs.filter((run) => secondsBetween(run.startedAt) < 30 * DAY).reverse(), [runs]);
  if (!shown.length) return null;
  const tone = (run) => ({ COMPLETED: "plain", PARTIAL: "warning", FAILED: "bad", CANCELLED: "muted" })[run.status] ?? "active";
  const points = (value) => shown.map((run) => ({ label: `${instant(run.startedAt)}, ${words(run.status)}`, value: value(run), tone: tone(run) }));
  const figure = (name) => points((run) => (run.consolidatedAt || name === "fetched" ? run.figures[name] : null));
  return html`<section><h2>Runs of the last 30 days</h2><p class="note">${shown.length === 1 ? "One run" : `${shown.length} runs, oldest first`}${runs.length === 100 ? "; the newest 100 are shown" : ""}.</p><div class="charts">
    <${Bars} title="Duration" points=${points((run) => (run.completedAt ? secondsBetween(run.startedAt, run.completedAt) : null))} show=${duration} />
    <${Bars} title="Fetched" points=${figure("fetched")} />
    <${Bars} title="Changed" points=${figure("upserted")} />
    <${Bars} title="Quarantined" points=${figure("quarantined")} />
    <${Bars} title="Deleted" points=${figure("deleted")} />
  </div></section>`;
}

function Inventory({ diamonds }) {
  const { shapes, labGrown, price } = diamonds.facets;
  const range = ({ min, max }) => (max ? `${min ? dollars(min.cents) : "up"} to ${dollars(max.cents)}` : `${dollars(min.cents)} and more`);
  return html`<section><h2>Inventory</h2>
    ${price.quantiles && html`<p class="note">Retail prices: 5 % cost at most ${money(price.quantiles.p5)}, half ${money(price.quantiles.median)}, 95 % ${money(price.quantiles.p95)}.</p>`}
    <div class="columns">
      <${Shares} title="By shape" points=${[...shapes].sort((a, b) => b.count - a.count).map((one) => ({ label: words(one.value), value: one.count, href: link("inventory", { shape: one.value }) }))} />
      <${Shares} title="By origin" points=${labGrown.map((one) => ({ label: one.value ? "Lab-grown" : "Natural", value: one.count }))} />
      <${Shares} title="By retail price" points=${price.buckets.map((one) => ({ label: range(one), value: one.count }))} />
    </div></section>`;
}
