// Send a signed request (version 2) with Node.js 18 or newer only (or any runtime with fetch and node:crypto).
//
// CLIENT_ID=acme CLIENT_SECRET=... node sign.js GET 'https://host/api/v2/diamonds?color=D'
import { createHash, createHmac, randomUUID } from "node:crypto";

// Returns the signature headers of a request. `url` is normalized first, so that the signed URL is the one that is sent.
export function signedHeaders(
  method: string,
  url: URL,
  body: string,
  clientId: string,
  secret: string,
): Record<string, string> {
  const timestamp = Math.floor(Date.now() / 1000).toString();
  const nonce = randomUUID();
  const bodyDigest = createHash("sha256").update(body).digest("hex");
  const canonical = [
    "v2", method, url.host, url.pathname, url.search.slice(1), timestamp, nonce, bodyDigest,
  ].join("\n");
  return {
    "X-Client-Id": clientId,
    "X-Timestamp": timestamp,
    "X-Nonce": nonce,
    "X-Signature-Version": "2",
    "X-Signature": createHmac("sha256", secret).update(canonical).digest("hex"),
  };
}

async function main(): Promise<number> {
  const [method, address, body = ""] = process.argv.slice(2);
  const { CLIENT_ID: clientId, CLIENT_SECRET: secret } = process.env;
  if (!method || !address || !clientId || !secret) {
    console.error("Usage: CLIENT_ID=... CLIENT_SECRET=... node sign.js METHOD URL [BODY]");
    return 2;
  }
  const url = new URL(address);
  const headers = signedHeaders(method, url, body, clientId, secret);
  const answer = await fetch(url, {
    method,
    headers: body ? { ...headers, "Content-Type": "application/json" } : headers,
    body: body || undefined,
    signal: AbortSignal.timeout(30_000),
  });
  const text = await answer.text();
  (answer.ok ? console.log : console.error)(text);
  return answer.ok ? 0 : 1;
}

process.exitCode = await main();
