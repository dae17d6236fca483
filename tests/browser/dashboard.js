// Operates the dashboard of a running stack: signs in, watches a run, repairs a partial one, allows a deletion, holds a diamond in
// view of a second window, changes a pricing rule and undoes it; then looks at every page in both themes and on a phone.
// In the environment: URL, KEY (every scope), CONTROL (the simulated supplier's control API), CHROMIUM, and SHOTS, a directory.
// Prints what was seen as JSON.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const { URL: url, KEY: key, CONTROL: control, CHROMIUM: executablePath, SHOTS: shots } = process.env;
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
const complaints = [], elsewhere = [], axeFindings = [], sideways = [];

async function open(options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  context.setDefaultTimeout(60_000);
  const page = await context.newPage();
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("request", (request) => request.url().startsWith(url) || elsewhere.push(request.url()));
  return page;
}

async function signIn(page, text = key) {
  await page.goto(`${url}/dashboard`);
  await page.getByLabel("API key with the scope").fill(text);
  await page.getByRole("button", { name: "Sign in" }).click();
}

const supplier = (method, name, body) =>
  fetch(`${control}/control/${name}`, { method, headers: { "Content-Type": "application/json" }, body: body && JSON.stringify(body) }).then((answer) => answer.json());

async function look(page, name, theme) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run());
  for (const one of found.violations) if (["serious", "critical"].includes(one.impact)) axeFindings.push(`${name} ${theme} ${one.id}: ${one.nodes[0].html}`);
  if (await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)) sideways.push(`${name} ${theme}`);
  await page.screenshot({ path: `${shots}/${name}-${theme}.png`, fullPage: true });
}

// Waits until the page of the present address has read all that it shows.
async function loaded(page) {
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  await page.waitForFunction(() => document.querySelector("main h1") && !document.querySelector("main .loading"));
}

// Starts a full run from the list and follows it on its page until it has one of these states.
async function run(page, ...states) {
  await page.goto(`${url}/dashboard#/runs`);
  await page.getByRole("button", { name: "Start a run" }).click();
  await page.getByLabel("Read everything").check();
  await page.getByRole("button", { name: "Start run" }).click();
  await page.waitForURL(/#\/runs\/.+/);
  return until(page, ...states);
}

async function until(page, ...states) {
  const badge = page.locator(".lead .badge");
  await badge.filter({ hasText: new RegExp(states.join("|")) }).waitFor();
  return (await badge.textContent()).trim();
}

const seen = {};
try {
  const page = await open();
  // A wrong key, then the right one. The browser itself logs that the first was refused.
  await signIn(page, "dia_live_nothing");
  seen.refused = await page.getByRole("alert").textContent();
  complaints.splice(0, complaints.length, ...complaints.filter((text) => !text.includes("401")));
  await look(page, "sign-in", "light");
  await signIn(page);
  seen.verdict = await page.locator("main .notice strong").first().textContent();
  seen.overview = await page.locator("main").textContent();
  seen.stored = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]));

  // Runs: one that succeeds, one whose partitions fail and are retried, one that would delete too much.
  seen.watched = await run(page, "Completed");
  await supplier("POST", "faults", { rules: [{ kind: "early_end", stones: 3 }] });
  seen.partial = await run(page, "Partial", "Failed");
  await look(page, "run-partial", "light");
  await supplier("DELETE", "faults");
  await page.getByRole("button", { name: /^(Retry the failed partition|Retry \d+ failed partitions|Read the run again)$/ }).click();
  seen.preview = await page.getByRole("dialog").textContent();
  await look(page, "retry", "light");
  await page.getByRole("button", { name: "Retry", exact: true }).click();
  seen.retried = await until(page, "Completed");
  await supplier("POST", "remove", { count: Math.ceil((await supplier("GET", "summary")).stones * 0.4) });
  seen.stopped = await run(page, "Failed");
  seen.reason = await page.locator("main .notice").first().textContent();
  seen.command = await page.locator("main .notice code").first().textContent();
  await page.getByRole("button", { name: "Review and allow the deletion" }).click();
  const confirm = page.getByRole("button", { name: "Delete and consolidate" });
  seen.unconfirmed = await confirm.isDisabled();
  await look(page, "allow", "light");
  const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: /^Download all \d+ as CSV$/ }).click()]);
  seen.file = file.suggestedFilename();
  seen.list = readFileSync(await file.path(), "utf8").split("\r\n");
  const label = await page.getByRole("dialog").getByText(/^Type \d+ to confirm/).textContent();
  seen.number = Number(/\d+/.exec(label)[0]);
  await page.getByLabel(/^Type \d+ to confirm/).fill(`${seen.number}`);
  await confirm.click();
  seen.allowed = await until(page, "Completed");
  seen.by = await page.getByText("Deletion allowed by").locator("..").textContent();

  // A hold in one window appears in another one without a reload.
  const second = await open();
  await signIn(second);
  await second.getByRole("link", { name: "Holds and purchases" }).click();
  await second.getByText("No hold matches.").waitFor();
  await second.locator(".live.live").waitFor();
  await page.goto(`${url}/dashboard#/inventory?availability=AVAILABLE`);
  await page.locator("tbody a").first().click();
  await page.getByRole("button", { name: "Hold", exact: true }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Hold" }).click();
  await page.getByText("by your client").waitFor();
  const diamond = page.url().split("/").at(-1);
  await second.locator("tbody tr", { has: second.locator(`a[href$="${diamond}"]`) }).waitFor();
  seen.held = true;

  // A sold diamond is found by its id and by its report number, also with spaces around it.
  await page.goto(`${url}/dashboard#/inventory?availability=SOLD`);
  const gone = page.locator("tbody tr").first();
  const [lab, report] = (await gone.locator("td[data-label=Report]").textContent()).trim().split(" ");
  await gone.locator("a").click();
  await page.getByRole("heading", { name: "History" }).waitFor();
  const sold = page.url().split("/").at(-1);
  const found = async (label, text) => {
    await page.goto(`${url}/dashboard#/inventory`);
    await page.getByLabel(label).fill(text);
    await page.getByRole("button", { name: "Search", exact: true }).click();
    await page.getByText("1 diamond found.").waitFor();
    return (await page.locator("tbody tr", { has: page.locator(`a[href$="${sold}"]`) }).textContent()).trim();
  };
  seen.soldById = await found("Diamond id", ` ${sold} `);
  seen.soldByReport = await found("Report number", report);
  seen.soldReport = `${lab} ${report}`;
  await page.goto(`${url}/dashboard#/inventory?availability=AVAILABLE`);

  // A pricing rule: created, changed with a preview, and the change undone.
  await page.getByRole("link", { name: "Pricing" }).click();
  await page.getByRole("button", { name: "New rule" }).click();
  await page.getByLabel("Name").fill("Every diamond");
  await page.getByLabel("Markup ratio").fill("1.3");
  seen.rulePreview = await page.locator(".preview .facts").textContent();
  await look(page, "pricing-edit", "light");
  await page.getByRole("button", { name: "Save rule" }).click();
  await page.getByRole("button", { name: "Edit Every diamond" }).click();
  await page.getByLabel("Markup ratio").fill("1.4");
  await page.getByRole("button", { name: "Save rule" }).click();
  await page.getByRole("cell", { name: "1.4", exact: true }).waitFor();
  const changes = page.locator("#changes tbody tr");
  seen.change = (await changes.first().textContent()).trim();
  await page.getByRole("button", { name: /^Undo the change/ }).first().click();
  await page.locator("dialog .preview .facts").waitFor();
  await look(page, "pricing-undo", "light");
  await page.getByRole("dialog").getByRole("button", { name: "Undo" }).click();
  await page.getByRole("cell", { name: "1.3", exact: true }).first().waitFor();
  await changes.nth(2).waitFor();
  seen.undone = await changes.nth(1).locator("td").last().textContent();
  await page.getByRole("button", { name: "Reprice the inventory" }).click();
  await page.getByRole("button", { name: "Reprice", exact: true }).click();
  seen.repriced = await page.getByText(/^Repriced:/).textContent();

  // Messages: there is none. Keys: the second client's key is rotated, its old one revoked. Status: no check fails.
  await page.getByRole("link", { name: "Messages" }).click();
  await page.getByText("There are no dead letters.").waitFor();
  await page.getByRole("link", { name: "Keys", exact: true }).click();
  const client = page.locator("tbody tr", { has: page.getByText("client-2", { exact: true }).first() });
  await client.first().getByRole("button", { name: /^Rotate/ }).click();
  await page.getByRole("button", { name: "Make the new key" }).click();
  seen.fresh = await page.locator(".secret").textContent();
  await page.getByRole("dialog", { name: "The new key" }).getByRole("button", { name: "Close" }).click();
  await client.nth(1).getByRole("button", { name: /^Revoke/ }).click();
  await page.getByRole("button", { name: "Revoke the key" }).click();
  await client.nth(1).waitFor({ state: "detached" });
  await page.getByRole("link", { name: "Status" }).click();
  seen.status = await page.locator("main .notice strong").first().textContent();

  // The keyboard alone reaches a page: skip link, then the navigation.
  await page.goto(`${url}/dashboard`);
  await page.locator("nav").waitFor();
  await page.keyboard.press("Tab");
  seen.firstStop = await page.evaluate(() => document.activeElement.textContent);

  // Every page in both themes and on a phone.
  await page.goto(`${url}/dashboard#/runs`);
  await page.locator("tbody a").first().waitFor();
  const newest = await page.locator("tbody a").first().getAttribute("href");
  const pages = { overview: "#/", runs: "#/runs", run: newest, quarantine: "#/quarantine", messages: "#/messages", trading: "#/trading", pricing: "#/pricing", inventory: "#/inventory", diamond: `#/inventory/${diamond}`, keys: "#/keys", status: "#/status" };
  const themes = { light: {}, dark: { colorScheme: "dark" }, phone: { viewport: { width: 390, height: 844 } } };
  for (const [theme, options] of Object.entries(themes)) {
    const visitor = await open(options);
    await signIn(visitor);
    await visitor.locator("nav").waitFor();
    for (const [name, address] of Object.entries(pages)) {
      await visitor.goto(`${url}/dashboard${address}`);
      await loaded(visitor);
      await look(visitor, name, theme);
    }
    await visitor.context().close();
  }

  // After sign-out the session is over, on this page and on a new one.
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("button", { name: "Sign in" }).waitFor();
  await page.reload();
  await page.getByRole("button", { name: "Sign in" }).waitFor();
  console.log(JSON.stringify({ ...seen, complaints, elsewhere, axeFindings, sideways }));
} finally {
  await browser.close();
}
