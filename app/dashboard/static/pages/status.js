// Status: the checks of the command `doctor`, first those that do not pass, with what to do about each.
import { useQuery } from "../api.js";
import { count, counted, instant } from "../format.js";
import { html } from "../lib.js";
import { Badge, Gaps, Marked, Notice, Table } from "../ui.js";

const READ = `query Status { installationStatus { at works subjects { subject checks { name state detail items nextStep } } } }`;
const passes = (check) => check.state === "OK" || check.state === "SKIPPED";

export function Status() {
  const query = useQuery(READ, {}, { poll: 60 });
  const status = query.data?.installationStatus;
  const checks = status?.subjects.flatMap((one) => one.checks.map((check) => ({ ...check, subject: one.subject }))) ?? [];
  const number = (state) => checks.filter((check) => check.state === state).length;
  const kind = !status?.works ? "bad" : number("DEGRADED") ? "warning" : "good";
  const open = checks.filter((check) => !passes(check)).sort((a, b) => (b.state === "FAILED") - (a.state === "FAILED"));
  return html`<h1>Status</h1>
    <p>Whether the servers and settings that the service needs are there and work. The checks read only; they are those of <code>diamonds-app doctor</code>.</p>
    <${Gaps} query=${query} />
    ${status && html`
      <${Notice} kind=${kind} title=${status.works ? `✓ No check has failed${number("DEGRADED") ? `; ${counted(number("DEGRADED"), "warning")}` : ""}.` : `✕ ${count(number("FAILED"))} of ${counted(checks.length, "check")} failed.`}>
        <p>${count(number("OK"))} passed, ${count(number("SKIPPED"))} skipped. Checked ${instant(status.at)}; a result is shared for a minute. <button onClick=${query.refresh}>Check again</button></p><//>
      ${open.length > 0 && html`<section class="checks"><h2>What needs attention</h2><${Table} caption="Checks that do not pass" rows=${open} keyOf=${(check) => `${check.subject}/${check.name}/${check.detail}`}
        columns=${[COLUMNS[0], { key: "subject", label: "Part", show: (check) => check.subject }, { key: "detail", label: "Found", show: (check) => html`<strong>${check.name}</strong>: ${found(check)}` }, COLUMNS[3]]} /></section>`}
      ${status.subjects.map((one) => html`<section key=${one.subject} class="checks"><details><summary><strong>${one.subject}</strong>: ${count(one.checks.filter(passes).length)} of ${count(one.checks.length)} pass</summary>
        <${Table} caption=${`Checks: ${one.subject}`} columns=${COLUMNS} rows=${one.checks} keyOf=${(check) => `${check.name}/${check.detail}`} /></details></section>`)}`}`;
}

const found = (check) => html`<${Marked} text=${check.detail} />${check.items.length > 0 && html`<ul>${check.items.map((item) => html`<li key=${item}><${Marked} text=${item} /></li>`)}</ul>`}`;
const COLUMNS = [
  { key: "state", label: "Result", show: (check) => html`<${Badge} state=${check.state} text=${TEXTS[check.state]} />` },
  { key: "name", label: "Check", show: (check) => check.name },
  { key: "detail", label: "Found", show: found },
  { key: "next", label: "What to do", show: (check) => check.nextStep && html`<${Marked} text=${check.nextStep} />` },
];
const TEXTS = { OK: "Works", DEGRADED: "Warning", FAILED: "Failed", SKIPPED: "Skipped" };
