// Opens /api-docs at URL in the browser CHROMIUM, asks without a key and with the API key KEY, and prints what there was to
// see as JSON (all of them are in the environment, and so is the id of a DIAMOND). With SHOTS it leaves a screenshot there.
import { chromium } from "playwright-core";

const { URL: url, KEY: key, DIAMOND: diamond, CHROMIUM: executablePath, SHOTS: shots } = process.env;
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
try {
  const page = await browser.newPage({ viewport: { width: 1200, height: 1000 } });
  const complaints = [];
  const elsewhere = [];
  page.on("console", (message) => {
    // That a request was refused is logged by the browser itself.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("request", (request) => {
    const asked = request.url();
    if (!asked.startsWith(url) && !/^(data|blob):/.test(asked)) elsewhere.push(asked);
  });

  const block = (operation) => page.locator(`.opblock[id$="-${operation}"]`);
  const listed = () => page.locator(".opblock").evaluateAll((nodes) => nodes.map((node) => node.id.split("-").at(-1)));
  const send = async (operation, values) => {
    const shown = block(operation);
    for (const [name, value] of Object.entries(values)) {
      const row = shown.locator(`tr[data-param-name="${name}"]`);
      if (Array.isArray(value)) await row.locator("select").selectOption(value);
      else await row.locator("input:not([type=checkbox])").fill(value);
    }
    const answered = page.waitForResponse((response) => response.url().includes("/api/v2/"));
    await shown.locator("button.execute").click();
    const response = await answered;
    await shown.locator(".live-responses-table .response-col_status").first().waitFor();
    const text = await shown.locator(".live-responses-table").textContent();
    return { path: response.url().slice(url.length), status: response.status(), headers: await response.request().allHeaders(), text, body: await response.text() };
  };

  await page.goto(`${url}/api-docs`);
  await page.waitForSelector(".opblock");
  const operations = await listed();
  for (const id of ["searchDiamonds", "showAvailability", "purchaseDiamond"]) {
    await block(id).locator(".opblock-summary-control").click();
    await block(id).locator("button.execute").waitFor();
  }
  const anonymous = await send("searchDiamonds", {});
  await page.click(".auth-wrapper .authorize");
  const schemes = await page.textContent(".modal-ux-content");
  const box = page.locator(".auth-container", { hasText: "X-API-Key" }).first();
  await box.locator("input").fill(key);
  await box.locator("button.authorize").click();
  await page.click(".btn-done");
  const found = await send("searchDiamonds", { color: ["D", "E"], limit: "1" });
  if (shots) await page.screenshot({ path: `${shots}/api-docs.png` });
  const availability = await send("showAvailability", { id: diamond });
  const purchase = await send("purchaseDiamond", { id: diamond, "X-Idempotency-Key": "k-1" });
  const stored = await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }));
  // The second visit is answered from the browser's cache, which the server confirms with 304. Only the DevTools
  // protocol shows that status; the page itself sees the cached 200.
  const devTools = await page.context().newCDPSession(page);
  await devTools.send("Network.enable");
  const received = new Promise((resolve) => devTools.once("Network.responseReceivedExtraInfo", resolve));
  await page.goto(`${url}/api-docs`);
  const again = (await received).statusCode;
  await page.waitForSelector(".opblock");
  const operationsAgain = await listed();
  console.log(JSON.stringify({
    again, operationsAgain, operations, anonymous, schemes, found, availability, purchase, stored, complaints, elsewhere,
  }));
} finally {
  await browser.close();
}
