// One diamond, live: grades, prices, media, its hold, its history, and what the supplier says of it.
import { mutate, useQuery, useSubscription } from "../api.js";
import { count, grade, instant, money, UNKNOWN, words } from "../format.js";
import { html, useState } from "../lib.js";
import { link } from "../router.js";
import { Badge, Confirm, Facts, Gaps, Table } from "../ui.js";

const READ = `query Diamond($id: ID!, $prices: Boolean!, $admin: Boolean!) {
  diamond(id: $id) {
    id databaseId supplier supplierStoneId supplierName shape carat color clarity cut polish symmetry fluorescence labGrown treated eyeClean milky
    fancyColor { color intensity overtone } certificate { lab number pdfUrl } imageUrl videoUrl rating availability attributes
    measurements { lengthMm widthMm heightMm ratio tablePercent depthPercent }
    price { formatted } pricePerCarat { formatted } supplierPrice @include(if: $prices) { formatted } markupRatio @include(if: $prices)
    hold { until ownId price { formatted } } sourceUpdatedAt createdAt updatedAt
  }
  diamondHistory(diamondId: $id, first: 30) @include(if: $admin) { edges { cursor node { at event clientId runId hold { state } purchase { state } } } }
}`;
const RAW = `query Raw($supplier: String!, $id: String!) { supplierItem(supplier: $supplier, supplierStoneId: $id) { payload observedAt problem } }`;
const CHANGES = `subscription Changes($ids: [ID!]) { diamondChanged(ids: $ids) { kind } }`;
const HOLD = `mutation Hold($input: HoldCreateInput!) { holdCreate(input: $input) { hold { id } userErrors { message code } } }`;
const RELEASE = `mutation Release($input: HoldReleaseInput!) { holdRelease(input: $input) { hold { id } userErrors { message code } } }`;

export function DiamondDetail({ id, caller }) {
  const [dialog, setDialog] = useState(null);
  const may = caller.can("diamonds:read");
  const query = useQuery(READ, { id, prices: caller.can("prices:supplier"), admin: caller.can("purchases:admin") }, { skip: !may, poll: 60 });
  const diamond = query.data?.diamond;
  useSubscription(CHANGES, { ids: [diamond?.id] }, { skip: !diamond, onNext: query.refresh, onLive: query.refresh });
  if (!may) return html`<h1>Diamond</h1><p class="empty">Diamonds need a key with the scope diamonds:read.</p>`;
  const act = (document, input) => async () => {
    await mutate(document, input);
    await query.refresh();
  };
  return html`<p><a href=${link("inventory")}>Inventory</a></p>
    <h1>${diamond ? `${words(diamond.shape)} ${diamond.carat} ct` : "Diamond"}</h1>
    <${Gaps} query=${query} />
    ${query.data && !diamond && html`<p>The diamond ${id} is not in the inventory.</p>`}
    ${diamond && html`
      <p class="lead"><${Badge} state=${diamond.availability} /> ${diamond.hold ? `held until ${instant(diamond.hold.until)}${diamond.hold.ownId ? " by your client" : ""}` : ""}</p>
      ${caller.can("holds:write") && html`<div class="actions">
        ${diamond.availability === "AVAILABLE" && !diamond.hold && html`<button class="primary" onClick=${() => setDialog("hold")}>Hold</button>`}
        ${diamond.hold?.ownId && html`<button onClick=${() => setDialog("release")}>Release the hold</button>`}
      </div>`}
      <${Grades} diamond=${diamond} caller=${caller} />
      ${query.data.diamondHistory && html`<section><h2>History</h2><${Table} caption="History, newest first" columns=${HISTORY} rows=${query.data.diamondHistory.edges.map(({ cursor, node }) => ({ cursor, ...node }))} keyOf=${(one) => one.cursor} empty="Nothing is recorded." /></section>`}
      ${caller.can("prices:supplier") && caller.can("certificates:hidden") && html`<${Raw} supplier=${diamond.supplier} id=${diamond.supplierStoneId} />`}
      <section><h2>Further attributes of the supplier</h2><pre tabindex="0" aria-label="Attributes as JSON">${JSON.stringify(diamond.attributes, null, 2)}</pre></section>`}
    ${dialog === "hold" && html`<${Confirm} title="Hold the diamond" confirmLabel="Hold" onClose=${() => setDialog(null)} onConfirm=${act(HOLD, { diamondId: diamond.id })}>
      <p>The supplier is asked to hold the diamond for ${caller.clientId}, at ${money(diamond.price)}. Other clients can't hold or buy it meanwhile.</p><//>`}
    ${dialog === "release" && html`<${Confirm} title="Release the hold" confirmLabel="Release" onClose=${() => setDialog(null)} onConfirm=${act(RELEASE, { holdId: diamond.hold.ownId })}>
      <p>Other clients can hold and buy the diamond again. Its guaranteed price ${money(diamond.hold.price)} ends.</p><//>`}`;
}

// The payload is read when it is opened: it is large, and seldom wanted.
function Raw({ supplier, id }) {
  const [open, setOpen] = useState(false);
  const query = useQuery(RAW, { supplier, id }, { skip: !open });
  const item = query.data?.supplierItem;
  return html`<section><h2>Supplier's item</h2><details onToggle=${(event) => setOpen(event.currentTarget.open)}><summary>Payload as received</summary>
    ${open && html`<${Gaps} query=${query} />`}
    ${query.data && !item && html`<p class="empty">No payload is stored any more.</p>`}
    ${item && html`<p class="note">Received ${instant(item.observedAt)}.${item.problem ? ` In quarantine: ${item.problem}` : ""}</p><pre tabindex="0" aria-label="Payload as JSON">${JSON.stringify(item.payload, null, 2)}</pre>`}
  </details></section>`;
}

function Grades({ diamond, caller }) {
  const shown = (value) => (value ? grade(value) : UNKNOWN);
  const yes = (value) => (value === null ? UNKNOWN : value ? "yes" : "no");
  const outside = (address, text) => address && html`<a href=${address} target="_blank" rel="noopener noreferrer">${text}</a>`;
  const size = diamond.measurements;
  const media = [outside(diamond.imageUrl, "Picture"), outside(diamond.videoUrl, "Video"), outside(diamond.certificate?.pdfUrl, "Report")].filter(Boolean);
  const fancy = diamond.fancyColor && [diamond.fancyColor.intensity, diamond.fancyColor.overtone, diamond.fancyColor.color].filter(Boolean).map(words).join(" ");
  return html`<section><h2>Values</h2><${Facts} pairs=${[
    ["Retail price", money(diamond.price)], ["Per carat", money(diamond.pricePerCarat)],
    caller.can("prices:supplier") && ["Supplier price", money(diamond.supplierPrice)], caller.can("prices:supplier") && ["Markup ratio", diamond.markupRatio ?? UNKNOWN],
    ["Colour", fancy || shown(diamond.color)], ["Clarity", shown(diamond.clarity)], ["Cut", shown(diamond.cut)], ["Polish", shown(diamond.polish)], ["Symmetry", shown(diamond.symmetry)],
    ["Fluorescence", diamond.fluorescence ? words(diamond.fluorescence) : UNKNOWN], ["Origin", diamond.labGrown ? "Lab-grown" : "Natural"], ["Treated", yes(diamond.treated)], ["Eye-clean", yes(diamond.eyeClean)], ["Milky", yes(diamond.milky)],
    ["Measurements", size.lengthMm ? `${size.lengthMm} × ${size.widthMm ?? UNKNOWN} × ${size.heightMm ?? UNKNOWN} mm` : UNKNOWN], ["Ratio", size.ratio ?? UNKNOWN], ["Table", size.tablePercent ? `${size.tablePercent} %` : UNKNOWN], ["Depth", size.depthPercent ? `${size.depthPercent} %` : UNKNOWN],
    ["Report", diamond.certificate ? `${diamond.certificate.lab ?? ""} ${diamond.certificate.number ?? ""}` : UNKNOWN], ["Media", media.length ? html`<span class="choices">${media}</span>` : UNKNOWN], ["Rating", count(diamond.rating)],
    ["Supplier", `${diamond.supplier}${diamond.supplierName ? `, ${diamond.supplierName}` : ""}`], ["Supplier's stone id", html`<code>${diamond.supplierStoneId}</code>`], ["Diamond id", html`<code>${diamond.databaseId}</code>`],
    ["Supplier's data changed", instant(diamond.sourceUpdatedAt)], ["In the inventory since", instant(diamond.createdAt)], ["Changed", instant(diamond.updatedAt)],
  ]} /></section>`;
}

const HISTORY = [
  { key: "at", label: "At", show: (one) => instant(one.at) },
  { key: "what", label: "Event", show: (one) => (one.event ? words(one.event) : one.purchase ? html`Purchase <${Badge} state=${one.purchase.state} />` : one.hold ? html`Hold <${Badge} state=${one.hold.state} />` : "") },
  { key: "client", label: "Client", show: (one) => one.clientId ?? "" },
  { key: "run", label: "Run", show: (one) => one.runId && html`<a href=${link(`runs/${one.runId}`)}>Open the run</a>` },
];
