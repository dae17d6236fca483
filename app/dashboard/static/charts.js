// Charts, each with its numbers in a table: trends over time by uPlot, and meters for categories.
import { html, useEffect, useRef, useState } from "./lib.js";
import { count } from "./format.js";

const HEIGHT = 110;
const MONTH_SECONDS = 30 * 86_400;
// Relative and largest width of a bar, and the smallest, in pixels.
const BAR = [0.7, 16, 3];
const { uPlot } = globalThis;

// Bars over the last 30 days. points: [{ at: seconds, label, value, tone }], oldest first; an unknown value has no bar.
export function Trend({ title, points, show = count }) {
  const place = useRef();
  const [hovered, setHovered] = useState(null);
  const theme = useTheme();
  const key = JSON.stringify(points);
  useEffect(() => {
    const element = place.current;
    const chart = draw(element, points, setHovered, show);
    const observer = new ResizeObserver(() => element.isConnected && chart.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      chart.destroy();
    };
  }, [key, theme]);
  const known = points.filter((point) => point.value !== null);
  const most = Math.max(0, ...known.map((point) => point.value));
  const point = points[hovered];
  const text = point ? `${point.label}: ${show(point.value)}` : known.length ? `latest ${show(known.at(-1).value)}, highest ${show(most)}` : "no data";
  return html`<figure class="chart">
    <figcaption><strong>${title}</strong><span>${text}</span></figcaption>
    <div ref=${place} role="img" aria-label=${`${title}: ${points.length} runs, highest ${show(most)}. The numbers follow.`}></div>
    <${Numbers} title=${title} points=${points} show=${show} />
  </figure>`;
}

// The colours of a canvas do not follow the theme by themselves.
function useTheme() {
  const query = matchMedia("(prefers-color-scheme: dark)");
  const [dark, setDark] = useState(query.matches);
  useEffect(() => {
    const changed = () => setDark(query.matches);
    query.addEventListener("change", changed);
    return () => query.removeEventListener("change", changed);
  }, []);
  return dark;
}

function draw(place, points, onHover, show) {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(`--${name}`).trim();
  const colours = points.map((point) => colour(point.tone === "plain" ? "bar" : point.tone));
  const now = Date.now() / 1000;
  const axis = { stroke: colour("soft"), font: "11px system-ui, sans-serif", grid: { stroke: colour("line"), width: 1 }, ticks: { show: false } };
  return new uPlot({
    width: place.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { points: { show: false }, x: false, y: false, drag: { x: false, y: false } },
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
    scales: { x: { range: [now - MONTH_SECONDS, now + MONTH_SECONDS / 60] }, y: { range: (_, __, most) => [0, Math.max(most, 1) * 1.05] } },
    axes: [
      { ...axis, grid: { show: false }, size: 22, space: 60, values: (_, ticks) => ticks.map((tick) => new Date(tick * 1000).toISOString().slice(5, 10)) },
      { ...axis, size: 46, space: 28, values: (_, ticks) => ticks.map((tick) => show(tick, true)) },
    ],
    series: [
      {},
      {
        width: 0,
        points: { show: false },
        paths: uPlot.paths.bars({ size: BAR, disp: { fill: { unit: 3, values: () => colours }, stroke: { unit: 3, values: () => colours } } }),
      },
    ],
    hooks: { setCursor: [(chart) => onHover(chart.cursor.idx)] },
  }, [points.map((point) => point.at), points.map((point) => point.value)], place);
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
