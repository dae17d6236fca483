// Opens GraphiQL at URL in the browser CHROMIUM, gives it the API key KEY, runs the first example, and prints what there was
// to see as JSON (all three are in the environment).
import { chromium } from "playwright-core";

const { URL: url, KEY: key, CHROMIUM: executablePath } = process.env;
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
try {
  const page = await browser.newPage();
  const complaints = [];
  const elsewhere = [];
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("request", (request) => {
    const asked = request.url();
    if (!asked.startsWith(url) && !/^(data|blob):/.test(asked)) elsewhere.push(asked);
  });
  await page.goto(`${url}/graphql`);
  await page.waitForSelector(".graphiql-execute-button");
  const anonymous = await page.textContent("#authorized");
  await page.fill("#key", key);
  await page.press("#key", "Tab");
  await page.waitForFunction(() => document.querySelector("#authorized").textContent.includes(":"));
  const authorized = await page.textContent("#authorized");
  const tabs = await page.locator("[role=tab]").allTextContents();
  await page.click(".graphiql-execute-button");
  await page.waitForFunction(() => /totalCount|errors/.test(document.querySelector(".result-window").textContent));
  const result = await page.textContent(".result-window");
  await page.click("[aria-label='Show Documentation Explorer']");
  await page.waitForFunction(() => document.querySelector(".graphiql-plugin").textContent.includes("Query"));
  console.log(JSON.stringify({ anonymous, authorized, tabs, result, complaints, elsewhere }));
} finally {
  await browser.close();
}
