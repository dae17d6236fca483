// Takes the screenshots of README: the shop and the dashboard of a running stack at URL, into the directory SHOTS. KEY is an API key for
// the dashboard, and CHROMIUM the browser (all of them are in the environment).
import { chromium } from "playwright-core";

const { URL: url, KEY: key, CHROMIUM: executablePath, SHOTS: shots } = process.env;
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  page.setDefaultTimeout(120_000);
  const shot = (name) => page.screenshot({ path: `${shots}/${name}.jpg`, type: "jpeg", quality: 80 });
  await page.goto(`${url}/shop#/?origin=lab&shapes=OVAL&carat=1..2&sort=CARAT-DESC`);
  await page.waitForSelector(".card img");
  await page.waitForFunction(() => [...document.images].slice(0, 8).every((image) => image.complete && image.naturalWidth));
  await shot("shop");
  await page.goto(`${url}/dashboard`);
  await page.getByLabel("API key with the scope").fill(key);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("The last sync").first().waitFor();
  await page.waitForFunction(() => !document.querySelector(".loading") && document.querySelector("svg, canvas"));
  await shot("dashboard");
} finally {
  await browser.close();
}
