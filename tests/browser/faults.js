// Nine faults of a night, each repaired with the dashboard only. Prints for each what the dashboard showed, what the operator did, and
// the seconds from the first look to the repair.
// In the environment: URL, KEY (every scope), CONTROL (the simulated supplier's control API), CHROMIUM, SHOTS (a directory), and the
// numbers of the processes of the stack: WORKERS, REDIS, BROKER. A message that no role can read waits in a queue.
import { chromium } from "playwright-core";

const { URL: url, KEY: key, CONTROL: control, CHROMIUM: executablePath, SHOTS: shots, WORKERS, REDIS, BROKER } = process.env;
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
context.setDefaultTimeout(120_000);
const page = await context.newPage();
const errors = [];
page.on("pageerror", (error) => errors.push(String(error)));
const numbers = (text) => text.split(",").map(Number);
const signal = (name, text) => numbers(text).forEach((number) => process.kill(number, name));

const supplier = async (method, name, body) => {
  const answer = await fetch(`${control}/control/${name}`, { method, headers: { "Content-Type": "application/json" }, body: body && JSON.stringify(body) });
  const text = await answer.text();
  return text ? JSON.parse(text) : null;
};
const fail = (...rules) => supplier("POST", "faults", { rules });
const open = (name) => page.goto(`${url}/dashboard#/${name}`);
const button = (name, exact = true) => page.getByRole("button", { name, exact });
const dialog = () => page.getByRole("dialog");
const clean = (text) => text.replace(/\s+/g, " ").trim();

async function until(...states) {
  const badge = page.locator(".lead .badge");
  await badge.filter({ hasText: new RegExp(states.join("|")) }).waitFor();
  return clean(await badge.textContent());
}

async function start() {
  await open("runs");
  await button("Start a run").click();
  await page.getByLabel("Read everything").check();
  await button("Start run").click();
}

async function run(...states) {
  await start();
  await page.waitForURL(/#\/runs\/.+/);
  return states.length ? until(...states) : null;
}

// What an operator sees first, and after a click on the run.
async function findCause() {
  await open("");
  await page.locator("main .notice").first().waitFor();
  const overview = clean(await page.locator("main .notice strong").first().textContent());
  await page.getByRole("link", { name: "Open the run" }).first().click();
  await page.locator(".lead .badge").waitFor();
  return `${overview} ${clean(await page.locator("main .notice").first().textContent())}`;
}

async function typeNumber() {
  const label = await dialog().getByText(/^Type \d+ to confirm/).textContent();
  await page.getByLabel(/^Type \d+ to confirm/).fill(/\d+/.exec(label)[0]);
}

async function readStatus() {
  await open("status");
  await page.reload();
  await page.getByText(/checks? failed|No check has failed/).waitFor();
  return clean(await page.locator("section.checks tbody tr").first().textContent().catch(() => "nothing"));
}

const faults = {
  async poison_message() {
    const begun = Date.now();
    await open("messages");
    const discard = page.getByRole("button", { name: /^Discard message/ });
    await discard.first().waitFor();
    const found = clean(await page.locator("tbody tr").first().textContent());
    await discard.first().click();
    await dialog().getByRole("button", { name: "Discard" }).click();
    const repaired = clean(await page.getByText(/1 message discarded/).textContent());
    return { begun, found, action: "Messages: Discard", repaired };
  },
  async killed_worker() {
    await fail({ kind: "stall", operations: ["diamonds_by_query"], seconds: 2 });
    await run("Running");
    await page.locator("tbody tr").first().waitFor();
    const begun = Date.now();
    signal("SIGKILL", WORKERS);
    await supplier("DELETE", "faults");
    const repaired = await until("Completed");
    return { begun, found: "The partitions stay as they are", action: "None: other workers continue", repaired };
  },
  async frozen_redis() {
    await open("");
    signal("SIGSTOP", REDIS);
    const begun = Date.now();
    try {
      await page.reload();
      await button("Try again").waitFor();
      return await finish();
    } catch (error) {
      signal("SIGCONT", REDIS);
      throw error;
    }
    async function finish() {
      const found = clean(await page.locator("main .notice").textContent());
      signal("SIGCONT", REDIS);
      await button("Try again").click();
      await page.locator("nav").waitFor();
      return { begun, found, action: "Try again, when Redis answers", repaired: await run("Completed") };
    }
  },
  async broker_outage() {
    signal("SIGSTOP", BROKER);
    const begun = Date.now();
    try {
      await run();
      const found = await readStatus();
      signal("SIGCONT", BROKER);
      await open("runs");
      await page.locator("tbody a").first().click();
      return { begun, found, action: "None: the run continues when the broker answers", repaired: await until("Completed") };
    } catch (error) {
      signal("SIGCONT", BROKER);
      throw error;
    }
  },
  async outage_during_planning() {
    await fail({ kind: "status", operations: ["diamonds_by_query_count", "diamonds_by_query"] });
    await start();
    await dialog().getByRole("alert").waitFor();
    await button("Close").click();
    const begun = Date.now(), found = await findCause();
    await supplier("DELETE", "faults");
    await button("Start a new run").click();
    await button("Start run").click();
    await page.locator("main .notice.bad").waitFor({ state: "detached" });
    return { begun, found, action: "Start a new run", repaired: await until("Completed") };
  },
  async refused_login() {
    await fail({ kind: "internal_error", operations: ["authenticate"], message: "Invalid credentials", code: "UNAUTHENTICATED" }, { kind: "token" });
    await start();
    await dialog().getByRole("alert").waitFor();
    await button("Close").click();
    const begun = Date.now(), found = await findCause(), status = await readStatus();
    await supplier("DELETE", "faults");
    return { begun, found: `${found} Status: ${status}`, action: "Status, then a new run", repaired: await run("Completed") };
  },
  async outage_during_reading() {
    await fail({ kind: "status", operations: ["diamonds_by_query"] });
    await run("Running");
    const begun = Date.now(), notice = page.getByText("The supplier or a server does not answer");
    await notice.waitFor();
    const found = clean(await notice.locator("..").textContent());
    await supplier("DELETE", "faults");
    return { begun, found, action: "None: the workers try again", repaired: await until("Completed") };
  },
  async quarantine() {
    const stones = (await supplier("GET", "stones?offset=0&limit=1000")).filter((one) => one.usable);
    const spoilt = stones.slice(0, Math.ceil(stones.length * 0.15));
    for (const one of spoilt) await supplier("POST", "update", { id: one.id, set: { carats: "heavy" } });
    await run("Failed");
    const begun = Date.now(), found = await findCause();
    await button("Review and allow the quarantine").click();
    await typeNumber();
    await page.screenshot({ path: `${shots}/quarantine-review-light.png` });
    await button("Allow and consolidate").click();
    const repaired = await until("Completed");
    const took = (Date.now() - begun) / 1000;
    for (const one of spoilt) await supplier("POST", "update", { id: one.id, set: { carats: one.carats } });
    return { begun, took, found, action: "Review and allow the quarantine", repaired };
  },
  async mass_delete() {
    await supplier("POST", "remove", { count: Math.ceil((await supplier("GET", "summary")).stones * 0.4) });
    await run("Failed");
    const begun = Date.now(), found = await findCause();
    await button("Review and allow the deletion").click();
    await typeNumber();
    await button("Delete and consolidate").click();
    return { begun, found, action: "Review and allow the deletion", repaired: await until("Completed") };
  },
};

try {
  await page.goto(`${url}/dashboard`);
  await page.getByLabel("API key with the scope").fill(key);
  await button("Sign in").click();
  await page.locator("nav").waitFor();
  const seen = {};
  for (const [name, repair] of Object.entries(faults)) {
    try {
      const { begun, took, ...rest } = await repair();
      seen[name] = { seconds: took ?? (Date.now() - begun) / 1000, ...rest };
    } catch (error) {
      await page.screenshot({ path: `${shots}/fault-${name}.png`, fullPage: true });
      throw new Error(`${name}: ${error.message}`, { cause: error });
    }
  }
  console.log(JSON.stringify({ seen, errors }));
} finally {
  await browser.close();
}
