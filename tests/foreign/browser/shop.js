// Shops at URL/shop in the browser CHROMIUM, as two shoppers with a window each and the first with a second one: filters to
// lab-grown ovals between 1 and 2 carats, compares two, holds one, is refused as the other shopper, and buys. Prints what there
// was to see as JSON. With SHOTS it leaves a screenshot of each step in that directory.
import { chromium } from "playwright-core";

const { URL: url, CHROMIUM: executablePath, SHOTS: shots, CONTROL: control, ADMIN_KEY: adminKey } = process.env;
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
const complaints = [];
const sent = [];

const shopper = () => browser.newContext({ viewport: { width: 1360, height: 900 } });
const open = async (context) => {
  const page = await context.newPage();
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("request", (request) => sent.push(`${request.url()} ${JSON.stringify(request.headers())} ${request.postData() ?? ""}`));
  return page;
};
const shot = async (page, name) => shots && page.screenshot({ path: `${shots}/${name}.png` });
// The view shows what the address names: the event of a new address comes a little after the address.
const settled = (page) => page.waitForFunction(() => document.querySelector("#view:not([aria-busy])")?.dataset.address === location.hash);
const total = async (page) => Number((await page.textContent("#total")).replace(/\D/g, ""));
const choose = async (page, act) => {
  const before = await page.evaluate(() => location.hash);
  await act();
  await page.waitForFunction((hash) => location.hash !== hash, before);
  await settled(page);
};
const status = (page) => page.locator(".detail .status");

// Removes a stone from the feed and waits for a full run.
async function leave(stone) {
  const json = { "Content-Type": "application/json" };
  await fetch(`${control}/control/remove`, { method: "POST", headers: json, body: JSON.stringify({ ids: [stone] }) });
  const operator = { ...json, "X-API-Key": adminKey };
  const latest = async () => (await (await fetch(`${url}/api/v2/analytics/runs?limit=1`, { headers: operator })).json()).data[0];
  const before = (await latest())?.run_id;
  await fetch(`${url}/api/v2/triggers/scheduler`, { method: "POST", headers: operator, body: JSON.stringify({ run_type: "full" }) });
  for (;;) {
    const run = await latest();
    if (run.run_id !== before && run.status === "completed") return;
    if (["failed", "partial"].includes(run.status)) throw new Error(`The run ended as ${run.status}: ${JSON.stringify(run)}`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

try {
  const first = await shopper();
  const page = await open(first);
  await page.goto(`${url}/shop`);
  await settled(page);
  await page.waitForSelector("body[data-live]");
  await shot(page, "1-search");
  const all = await total(page);
  const counted = await page.locator("label:has([name=shapes][value=OVAL]) small").textContent();
  await choose(page, () => page.check("[name=shapes][value=OVAL]", { force: true }));
  const ovals = await total(page);
  await choose(page, () => page.check("[name=origin][value=lab]", { force: true }));
  await choose(page, () => page.fill("[name=carat-min]", "1").then(() => page.press("[name=carat-min]", "Tab")));
  await choose(page, () => page.fill("[name=carat-max]", "2").then(() => page.press("[name=carat-max]", "Tab")));
  const before = await total(page);
  await choose(page, () => page.locator("[name=colors-to]").fill("4"));
  const graded = await total(page);
  await choose(page, () => page.selectOption("[name=sort]", "CARAT-DESC"));
  const weights = await page.locator(".card strong").allTextContents();
  await page.waitForFunction(() => [...document.images].slice(0, 8).every((image) => image.complete && image.naturalWidth));
  await shot(page, "2-filtered");

  // Four can be compared, a fifth is refused.
  for (let at = 0; at < 5; at += 1) await page.locator(".card [name=compare]").nth(at).click();
  const refusedFifth = await page.textContent("#notice");
  await page.click("#to-compare");
  await page.waitForSelector("table");
  const compared = await page.locator("thead th").count();
  const differing = await page.locator("tr.differs").count();
  await shot(page, "3-compare");

  await page.goBack();
  await settled(page);
  const card = page.locator(".card:has(.status[data-state=AVAILABLE]):has(img)").first();
  const name = await card.locator("strong").textContent();
  await card.locator("a").click();
  await page.waitForSelector(".detail");
  const address = page.url();

  const secondWindow = await open(first);
  const other = await open(await shopper());
  for (const one of [secondWindow, other]) {
    await one.goto(address);
    await one.waitForSelector(".detail");
    await one.waitForSelector("body[data-live]");
  }
  const clicked = Date.now();
  await page.click("text=Hold for 24 hours");
  await status(page).filter({ hasText: "Held for you" }).waitFor();
  await status(secondWindow).filter({ hasText: "left" }).waitFor();
  await status(other).filter({ hasText: "On hold" }).waitFor();
  const seenAfter = Date.now() - clicked;
  const countdown = await status(other).locator("[data-until]").textContent();
  await other.waitForFunction((text) => document.querySelector("[data-until]").textContent !== text, countdown);
  const held = { here: await status(page).textContent(), window: await status(secondWindow).textContent(), other: await status(other).textContent() };
  await shot(page, "4-held");
  await shot(other, "5-held-by-another");
  const otherMayBuy = await other.locator(".buy button.primary").isEnabled();
  const refusals = {};
  for (const action of ["hold", "buy", "release"]) {
    // Not even a shopper who does without the page's buttons.
    refusals[action] = await other.evaluate(async (name) => {
      const diamondId = decodeURIComponent(location.hash.split("/").at(-1));
      const body = JSON.stringify({ diamondId, holdId: "SG9sZDo", expectedPrice: 1, idempotencyKey: "k" });
      const answer = await fetch(`/shop/api/${name}`, { method: "POST", headers: { "Content-Type": "application/json" }, body });
      return (await answer.json()).userErrors[0].code;
    }, action);
  }

  for (const medium of ["360° view", "Certificate"]) {
    const choice = page.locator(".media button", { hasText: medium });
    if (!(await choice.count())) continue;
    await choice.click();
    await page.frameLocator(".stage iframe").locator(medium === "Certificate" ? "dl" : "canvas").first().waitFor();
    await shot(page, medium === "Certificate" ? "7-certificate" : "6-view");
  }

  await page.click(".buy button.primary");
  await shot(page, "8-confirm");
  await page.click("#confirm [value=buy]");
  await status(page).filter({ hasText: "Sold" }).waitFor();
  await status(other).filter({ hasText: "Sold" }).waitFor();
  await page.click("#to-mine");
  await page.waitForSelector("h2:has-text('Purchases')");
  const purchases = await page.locator(".card").allTextContents();
  await shot(page, "9-mine");
  // The supplier takes the diamond out of its feed, and a full run notices it.
  const stone = await page.evaluate(async (id) => {
    const answer = await fetch("/shop/api/diamonds", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ ids: [id] }) });
    return (await answer.json()).nodes[0]?.supplierStoneId;
  }, decodeURIComponent(address.split("/").at(-1)));
  await leave(stone);
  await page.reload();
  await page.waitForSelector("h2:has-text('Purchases')");
  const afterwards = await page.locator(".card").allTextContents();
  const pictured = await page.locator(".card img").first().evaluate((image) => image.decode().then(() => image.naturalWidth > 0));
  const gone = await page.evaluate(async (id) => {
    const answer = await fetch("/shop/api/diamonds", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ ids: [id] }) });
    return (await answer.json()).nodes[0] === null;
  }, decodeURIComponent(address.split("/").at(-1)));
  await shot(page, "10-mine-afterwards");
  await other.click("#to-mine");
  await other.waitForSelector("h2:has-text('Purchases')");
  const purchasesOfOther = await other.locator(".card").count();
  const scripts = await page.evaluate(() => document.cookie);
  console.log(JSON.stringify({
    all, counted, ovals, before, graded, weights, refusedFifth, compared, differing, name, held, countdown, otherMayBuy, refusals,
    purchases, purchasesOfOther, afterwards, pictured, gone, seenAfter, scripts, complaints, withKey: sent.filter((text) => text.includes("dia_live_")).length,
  }));
} finally {
  await browser.close();
}
