// Sign-in: the key goes to the server once, in a header, and is kept nowhere in the page.
import { html, useEffect, useRef, useState } from "./lib.js";
import { Notice } from "./ui.js";

export function SignIn({ onSignedIn }) {
  const [failure, setFailure] = useState(null);
  const [busy, setBusy] = useState(false);
  const field = useRef();
  useEffect(() => {
    document.title = "Sign in · Diamond Inventory";
    field.current.focus();
  }, []);
  const submit = async (event) => {
    event.preventDefault();
    const key = field.current.value.trim();
    field.current.value = "";
    setBusy(true);
    setFailure(null);
    try {
      const response = await fetch("/dashboard/session", { method: "POST", headers: { "X-API-Key": key } });
      if (response.ok) return await onSignedIn();
      const body = await response.json().catch(() => ({}));
      setFailure(body.error?.message ?? `The server answered ${response.status}.`);
    } catch {
      setFailure("The server does not answer, or the key has characters that no key has.");
    } finally {
      setBusy(false);
    }
    field.current?.focus();
    return undefined;
  };
  return html`<main class="signin"><h1>Diamond Inventory</h1>
    <form onSubmit=${submit}>
      <label for="key">API key with the scope <code>sync:read</code></label>
      <input id="key" ref=${field} type="password" autocomplete="off" spellcheck="false" required aria-describedby="key-note" />
      <p id="key-note" class="note">The page does not store the key. The session ends after 12 hours, or when you sign out.</p>
      ${failure && html`<${Notice} kind="bad" title="You are not signed in."><p>${failure}</p><//>`}
      <button class="primary" disabled=${busy}>${busy ? "Signing in …" : "Sign in"}</button>
    </form>
  </main>`;
}
