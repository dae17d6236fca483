// Quarantine: supplier items that can't be understood, grouped by field and reason, with example payloads.
import { useQuery } from "../api.js";
import { count, counted, instant } from "../format.js";
import { html } from "../lib.js";
import { link } from "../router.js";
import { Gaps, Marked, Table } from "../ui.js";

const READ = `query Quarantine($runId: ID, $payload: Boolean!) {
  quarantine(runId: $runId) { fieldName reason count examples { supplierStoneId observedAt payload @include(if: $payload) } }
}`;

export function Quarantine({ query: address, caller }) {
  const runId = address.get("run");
  const payload = caller.can("prices:supplier") && caller.can("certificates:hidden");
  const query = useQuery(READ, { runId, payload }, { poll: 60 });
  const groups = query.data?.quarantine;
  const total = groups?.reduce((sum, one) => sum + one.count, 0);
  return html`<h1>Quarantine</h1>
    <p>An item of the supplier that can't be understood is kept as received and not sold. The next full run reads it again, and any run if the supplier has changed it: when the supplier has repaired it, it leaves the quarantine by itself.</p>
    ${runId && html`<p>Only items that <a href=${link(`runs/${runId}`)}>this run</a> read. <a href=${link("quarantine")}>Show all</a></p>`}
    <${Gaps} query=${query} />
    ${groups && html`<p role="status"><strong>${counted(total, "item")}</strong> for ${counted(groups.length, "problem")}.</p>
      <${Table} caption="Problems, the most frequent first" columns=${COLUMNS} rows=${groups} keyOf=${(one) => `${one.fieldName}: ${one.reason}`} empty="No item is in quarantine." />
      ${groups.length > 0 && html`<section><h2>What to do</h2><ul>
        <li>If one field of most items is wrong, the feed has changed or is broken. Send the examples to the supplier. When the feed is repaired, start a new full run.</li>
        <li>If the new values are right, the mapping must learn them (docs/reference/vocabulary.md). Deploy it, then start a new full run.</li>
        <li>If a run stopped with QUARANTINE_EXCEEDED and the rest should go on without the items, review and allow the quarantine on the page of the run.</li>
      </ul></section>`}`}`;
}

const COLUMNS = [
  { key: "field", label: "Field", show: (one) => html`<code>${one.fieldName}</code>` },
  { key: "reason", label: "Reason", show: (one) => html`<${Marked} text=${one.reason} />` },
  { key: "count", label: "Items", number: true, show: (one) => count(one.count) },
  { key: "examples", label: "Examples", show: (one) => one.examples.map((item) => html`<details key=${item.supplierStoneId}>
      <summary><code>${item.supplierStoneId}</code></summary><p class="note">Received ${instant(item.observedAt)}.</p>
      ${item.payload === undefined ? html`<p class="note">Payloads need the scopes prices:supplier and certificates:hidden.</p>` : html`<pre tabindex="0" aria-label=${`Payload of ${item.supplierStoneId}`}>${JSON.stringify(item.payload, null, 2)}</pre>`}
    </details>`) },
];
