// Opens /api-docs at URL in the browser CHROMIUM, asks without a key and with the API key KEY, and prints what there was to
// see as JSON (all of them are in the environment, and so is the id of a DIAMOND).
import { chromium } from "playwright-core";

const { URL: url, KEY: key, DIAMOND: diamond, CHROMIUM: executablePath } = process.env;
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
try {
  const page = await browser.newPage();
  const complaints = [];
  const elsewhere = [];
  page.on("console", (message) => {
    // That a request was refused is logged by the browser itself.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("request", (request) => {
    if (!request.url().startsWith(url)) elsewhere.push(request.url());
  });

  const send = async (operation, values) => {
    for (const [name, value] of Object.entries(values)) await page.fill(`#${operation} [name="${name}"]`, value);
    await page.click(`#${operation} form button`);
    const result = page.locator(`#${operation} pre[aria-live]`);
    await page.waitForFunction((node) => node.textContent.length > 1, await result.elementHandle());
    return result.textContent();
  };

  await page.goto(`${url}/api-docs`);
  await page.waitForSelector("main[aria-busy]", { state: "detached" });
  const operations = await page.locator("main details").evaluateAll((nodes) => nodes.map((node) => node.id));
  for (const id of ["searchDiamonds", "showAvailability", "purchaseDiamond"]) await page.click(`#${id} > summary`);
  const anonymous = await send("searchDiamonds", {});
  await page.fill("#key", key);
  await page.click("#authorize button");
  const authorized = await page.textContent("#authorized");
  const found = await send("searchDiamonds", { color: "D, E", limit: "1" });
  const availability = await send("showAvailability", { id: diamond });
  const purchase = await send("purchaseDiamond", { id: diamond, "X-Idempotency-Key": "k-1" });
  const sketch = await page.textContent("#searchDiamonds dd pre");
  const refusal = await page.textContent("#refusal pre");
  const signature = await page.textContent("#signature p");
  // The second visit is answered from the browser's cache, which the server confirms with 304. Only the DevTools
  // protocol shows that status; the page itself sees the cached 200.
  const devTools = await page.context().newCDPSession(page);
  await devTools.send("Network.enable");
  const received = new Promise((resolve) => devTools.once("Network.responseReceivedExtraInfo", resolve));
  await page.goto(`${url}/api-docs`);
  const again = (await received).statusCode;
  await page.waitForSelector("main[aria-busy]", { state: "detached" });
  const operationsAgain = await page.locator("main details").evaluateAll((nodes) => nodes.map((node) => node.id));
  console.log(JSON.stringify({
    again, operationsAgain, operations, anonymous, authorized, found, availability, purchase, sketch, refusal, signature, complaints, elsewhere,
  }));
} finally {
  await browser.close();
}
