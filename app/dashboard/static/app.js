// The shell: sign-in, navigation, the page of the route, and sign-out.
import { disconnect, connection, onConnection, request, whenSignedOut } from "./api.js";
import { html, render, useEffect, useRef, useState } from "./lib.js";
import { clock } from "./format.js";
import { useRoute } from "./router.js";
import { SignIn } from "./signin.js";
import { Notice } from "./ui.js";
import { Overview } from "./pages/overview.js";
import { Runs } from "./pages/runs.js";
import { RunDetail } from "./pages/run.js";
import { Quarantine } from "./pages/quarantine.js";
import { Trading } from "./pages/trading.js";
import { Pricing } from "./pages/pricing.js";
import { Inventory } from "./pages/inventory.js";
import { Keys } from "./pages/keys.js";
import { Messages } from "./pages/messages.js";
import { Status } from "./pages/status.js";
import { DiamondDetail } from "./pages/diamond.js";

const PAGES = [
  { path: "", label: "Overview", page: Overview },
  { path: "runs", label: "Runs", page: Runs, detail: RunDetail },
  { path: "quarantine", label: "Quarantine", page: Quarantine },
  { path: "messages", label: "Messages", page: Messages },
  { path: "trading", label: "Holds and purchases", page: Trading },
  { path: "pricing", label: "Pricing", page: Pricing },
  { path: "inventory", label: "Inventory", page: Inventory, detail: DiamondDetail },
  { path: "keys", label: "Keys", page: Keys },
  { path: "status", label: "Status", page: Status },
];
const ME = "query Me { me { clientId keyId scopes { name } } }";

// Whether the browser has a session; its cookie is out of reach of scripts.
async function hasSession() {
  const response = await fetch("/dashboard/session").catch(() => null);
  const body = await response?.json().catch(() => null);
  if (!response?.ok) throw new Error(body?.error?.message ?? "The server does not answer.");
  return body.signedIn;
}

function App() {
  const [caller, setCaller] = useState(undefined);
  const [failure, setFailure] = useState(null);
  const load = async () => {
    setFailure(null);
    try {
      if (!(await hasSession())) return setCaller(null);
      const { data } = await request(ME);
      const scopes = new Set(data.me.scopes.map((scope) => scope.name));
      setCaller({ ...data.me, can: (scope) => scopes.has(scope) });
    } catch (error) {
      if (error.code === "UNAUTHORIZED") setCaller(null);
      else setFailure(error);
    }
    return undefined;
  };
  useEffect(() => {
    whenSignedOut(() => {
      disconnect();
      setCaller(null);
    });
    load();
  }, []);
  if (failure) return html`<main><h1>Dashboard</h1><${Notice} kind="bad" title="The dashboard can't start."><p>${failure.message}</p><button onClick=${load}>Try again</button><//></main>`;
  if (caller === undefined) return html`<main><p role="status">Loading …</p></main>`;
  if (caller === null) return html`<${SignIn} onSignedIn=${load} />`;
  return html`<${Shell} caller=${caller} onSignedOut=${() => { disconnect(); setCaller(null); }} />`;
}

function Shell({ caller, onSignedOut }) {
  const route = useRoute();
  const main = useRef();
  const first = useRef(true);
  const [section = "", id] = route.parts;
  const found = PAGES.find((page) => page.path === section);
  const title = found ? found.label : "Not found";
  const address = route.parts.join("/");
  useEffect(() => {
    document.title = `${title} · Diamond Inventory`;
    document.querySelector("nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
    if (!first.current) main.current?.focus();
    first.current = false;
  }, [address]);
  const Page = id && found?.detail ? found.detail : found?.page;
  return html`
    <a class="skip" href="#main" onClick=${(event) => { event.preventDefault(); main.current.focus(); }}>Skip to content</a>
    <header class="top">
      <a class="brand" href="#/">Diamond Inventory</a>
      <${Live} />
      <span class="caller">${caller.clientId}</span>
      <${SignOut} onSignedOut=${onSignedOut} />
    </header>
    <nav aria-label="Pages"><ul>${PAGES.map((page) => html`<li key=${page.path}><a href=${`#/${page.path}`} aria-current=${page === found ? "page" : undefined}>${page.label}</a></li>`)}</ul></nav>
    <main id="main" ref=${main} tabindex="-1">
      ${Page ? html`<${Page} key=${`${section}/${id ?? ""}`} id=${id} query=${route.query} caller=${caller} />` : html`<h1>Not found</h1><p>There is no page at this address.</p>`}
    </main>`;
}

function Live() {
  const [, update] = useState(0);
  useEffect(() => onConnection(() => update((number) => number + 1)), []);
  const since = connection.since ? clock(connection.since) : "";
  const texts = { live: "● Live", connecting: "… Connecting", reconnecting: `◌ Reconnecting, stale since ${since}`, stale: `◌ Not live since ${since}`, idle: "" };
  return html`<span class=${`live ${connection.state}`} role="status">${texts[connection.state]}</span>`;
}

function SignOut({ onSignedOut }) {
  const [failure, setFailure] = useState(null);
  const leave = async () => {
    const response = await fetch("/dashboard/session", { method: "DELETE" }).catch(() => null);
    if (response?.ok) onSignedOut();
    else setFailure("Sign-out failed. Try again.");
  };
  return html`<button type="button" class="quiet" onClick=${leave}>Sign out</button>${failure && html`<span role="alert">${failure}</span>`}`;
}

render(html`<${App} />`, document.querySelector("#app"));
