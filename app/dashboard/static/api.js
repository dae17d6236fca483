// The public GraphQL API: queries and mutations by POST, subscriptions over one WebSocket. The session cookie authenticates both.
import { createClient } from "graphql-ws";
import { useCallback, useEffect, useRef, useState } from "./lib.js";

export class ApiError extends Error {
  constructor(message, code) {
    super(message);
    this.code = code;
  }
}

const listeners = new Set();
export const connection = { state: "idle", since: null };

export function onConnection(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function connected(state) {
  if (connection.state === state) return;
  Object.assign(connection, { state, since: new Date() });
  for (const listener of listeners) listener();
}

let onSignedOut = () => {};
export function whenSignedOut(action) {
  onSignedOut = action;
}

// One answer: { data, errors }. A field that the key may not read is null and has an error; the page goes on without it.
export async function request(query, variables = {}) {
  let response;
  try {
    response = await fetch("/graphql", {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: JSON.stringify({ query, variables }),
    });
  } catch {
    throw new ApiError("The server does not answer.", "UNREACHABLE");
  }
  let body;
  try {
    body = await response.json();
  } catch {
    throw new ApiError(`The server answered ${response.status} without JSON.`, "UNREADABLE");
  }
  const errors = body.errors ?? [];
  const ended = errors.find((error) => error.extensions?.code === "UNAUTHORIZED");
  if (ended) {
    onSignedOut();
    throw new ApiError(ended.message, "UNAUTHORIZED");
  }
  if (!body.data) throw new ApiError(errors[0]?.message ?? `The server answered ${response.status}.`, errors[0]?.extensions?.code);
  return { data: body.data, errors };
}

// The payload of a mutation with one field. Errors of the request and its userErrors are thrown with all their sentences.
export async function mutate(document, input) {
  return mutateBy(document, input ? { input } : {});
}

// The same for a mutation whose arguments are no input.
export async function mutateBy(document, variables) {
  const { data, errors } = await request(document, variables);
  if (errors.length) throw new ApiError(errors.map((error) => error.message).join(" "), errors[0].extensions?.code);
  const [payload] = Object.values(data);
  const problems = payload?.userErrors ?? [];
  if (problems.length) throw new ApiError(problems.map((problem) => problem.message).join(" "), problems[0].code);
  return payload;
}

// The answer to a query, again every `poll` seconds while the page is visible. Old data stays until new data arrives, but
// never under other variables.
export function useQuery(query, variables = {}, { poll = 0, skip = false } = {}) {
  const key = skip ? null : JSON.stringify([query, variables]);
  const [answer, setAnswer] = useState({ key: null });
  const latest = useRef(0);
  const refresh = useCallback(async () => {
    if (key === null) return;
    const number = ++latest.current;
    const [text, values] = JSON.parse(key);
    try {
      const { data, errors } = await request(text, values);
      if (number === latest.current) setAnswer({ key, data, errors, at: new Date(), failure: null });
    } catch (failure) {
      if (number === latest.current) setAnswer((before) => (before.key === key ? { ...before, failure } : { key, failure }));
    }
  }, [key]);
  useEffect(() => {
    refresh();
    const visible = () => document.visibilityState === "visible" && refresh();
    const timer = poll ? setInterval(visible, poll * 1000) : 0;
    document.addEventListener("visibilitychange", visible);
    return () => {
      latest.current++;
      clearInterval(timer);
      document.removeEventListener("visibilitychange", visible);
    };
  }, [refresh, poll]);
  const current = answer.key === key ? answer : {};
  return { data: current.data, errors: current.errors ?? [], failure: current.failure, at: current.at, refresh };
}

let client;
function socket() {
  client ??= createClient({
    url: `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/graphql`,
    keepAlive: 15_000,
    retryAttempts: Infinity,
    shouldRetry: () => true,
    on: {
      connecting: (retrying) => connected(retrying ? "reconnecting" : "connecting"),
      connected: () => connected("live"),
      closed: (event) => {
        connected(event?.wasClean && event.code === 1000 ? "idle" : "reconnecting");
        if (event?.code === 4401 || event?.code === 4403) onSignedOut();
      },
    },
  });
  return client;
}

export function disconnect() {
  client?.dispose();
  client = undefined;
  connected("idle");
}

// Calls `onNext` with each answer. `onLive` runs after each connection: what changed in between is read then.
export function useSubscription(query, variables, { onNext, onLive, skip = false }) {
  const key = skip ? null : JSON.stringify([query, variables]);
  const handlers = useRef({});
  handlers.current = { onNext, onLive };
  useEffect(() => {
    if (key === null) return undefined;
    const [text, values] = JSON.parse(key);
    const stop = socket().subscribe(
      { query: text, variables: values },
      { next: ({ data }) => data && handlers.current.onNext(data), error: () => connected("stale"), complete: () => {} },
    );
    const forget = onConnection(() => connection.state === "live" && handlers.current.onLive?.());
    return () => {
      forget();
      stop();
    };
  }, [key]);
}
