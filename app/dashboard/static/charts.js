// Charts as inline SVG and as meters, each with its numbers in a table.
import { html } from "./lib.js";
import { count } from "./format.js";

const HEIGHT = 100;
// Fewer bars leave room at the right, so that one is not a block.
const SLOTS = 20;

// Vertical bars of equal width. points: [{ label, value, tone }]; an unknown value has no bar.
export function Bars({ title, points, show = count }) {
  const most = Math.max(...points.map((point) => point.value ?? 0), 0);
  const step = 100 / Math.max(points.length, SLOTS);
  const last = points.at(-1);
  return html`<figure class="chart">
    <figcaption><strong>${title}</strong><span>${last ? `latest ${show(last.value)}, highest ${show(most)}` : "no data"}</span></figcaption>
    <svg viewBox="0 0 100 ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label=${`${title}: ${points.length} values, highest ${show(most)}`}>
      ${points.map((point, index) => {
        const height = most && point.value ? Math.max((point.value / most) * HEIGHT, 1.5) : 0;
        return html`<rect key=${index} class=${point.tone ?? "plain"} x=${index * step + step * 0.1} width=${step * 0.8} y=${HEIGHT - height} height=${height}><title>${point.label}: ${show(point.value)}</title></rect>`;
      })}
    </svg>
    <${Numbers} title=${title} points=${points} show=${show} />
  </figure>`;
}

// Horizontal bars with their numbers, for categories.
export function Shares({ title, points, show = count }) {
  const most = Math.max(...points.map((point) => point.value), 1);
  return html`<section class="shares"><h3>${title}</h3><ul>
    ${points.map((point) => html`<li key=${point.label}>
      ${point.href ? html`<a href=${point.href}>${point.label}</a>` : html`<span>${point.label}</span>`}
      <svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true"><rect class="plain" width=${(point.value / most) * 100} height="10" /></svg>
      <span class="number">${show(point.value)}</span>
    </li>`)}
  </ul></section>`;
}

function Numbers({ title, points, show }) {
  return html`<details><summary>Numbers<span class="hidden"> of ${title}</span></summary>
    <table><tbody>${points.map((point, index) => html`<tr key=${index}><th scope="row">${point.label}</th><td class="number">${show(point.value)}</td></tr>`)}</tbody></table>
  </details>`;
}
