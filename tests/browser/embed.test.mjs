// The credits of a customer on the pages of another site, whose policy is strict: the element, and
// the page in a frame without scripts.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { createServer } from "node:http";
import path from "node:path";
import { after, test } from "node:test";

import { assertNoTroubles, barriers, world } from "./browser.mjs";
import { given } from "./server.mjs";

const ACME = "/api/v1/customers/acme/credit-balance-tokens";
const TYPE = "cred-type-api-credits";
const NARROW = { width: 390, height: 844 };

/** The site of somebody who runs Stipend; it shows whatever `host.body` is. */
const host = { body: "" };
const site = createServer((request, response) => {
  const script = request.url === "/host.js";
  response.setHeader("content-type", script ? "text/javascript" : "text/html; charset=utf-8");
  response.setHeader("content-security-policy", host.policy);
  response.end(script ? HOST_SCRIPT : `<!doctype html><html lang="en"><title>App</title>
    <meta name="color-scheme" content="light dark"><link rel="icon" href="data:,">
    <script src="/host.js"></script>
    <main><h1>Your account</h1>${host.body}</main>`);
});

const HOST_SCRIPT = `
  const sheet = new CSSStyleSheet();
  sheet.replaceSync("body { background: light-dark(#fff, #16191c); color: light-dark(#000, #fff) }");
  document.adoptedStyleSheets = [sheet];
  globalThis.expired = 0;
  document.addEventListener("stipend-token-expired", () => { globalThis.expired += 1; });`;

await new Promise((resolve) => { site.listen(0, "127.0.0.1", resolve); });
host.url = `http://localhost:${site.address().port}`;
after(() => site.close());

const made = world({ prepare, serve: ["--embed-origins", `${host.url},https://*.example.com`] });

/** The worked example over the API, and a gift whose name is hostile. */
async function prepare() {
  const { server } = made;
  host.policy = `default-src 'none'; script-src 'self' ${server.url}; connect-src ${server.url};
    frame-src ${server.url}; img-src data:`.replace(/\s+/g, " ");
  await server.post("/api/v1/credits/custom-currencies", {
    id: TYPE, displayName: "API Credits", units: { singular: "credit", plural: "credits" },
  });
  const at = { currencyId: TYPE, customerId: "acme" };
  await server.post("/api/v1/customers", { id: "acme" });
  await server.post("/api/v1/customers", { id: "globex" });
  await server.post("/api/v1/credits/grants", {
    ...at, amount: 80_000, grantType: "PAID", displayName: "Top-up",
    cost: { amount: 20, currency: "usd" },
  });
  await server.post("/api/v1/credits/grants", {
    ...at, amount: 2_500, grantType: "PROMOTIONAL", displayName: "<img src=x onerror=alert(1)>",
    expireAt: new Date(Date.now() + 20 * 86_400_000).toISOString(),
  });
  await server.post("/api/v1/credits/consumption", {
    ...at, amount: "12000.000000001", idempotencyKey: "job-1",
  });
}

const tokenOf = async (address, body = {}) => (await made.server.post(address, body)).data;

/** Opens the page of the site with that in it. */
async function open(body) {
  host.body = body;
  await made.page.goto(host.url);
}

const element = (token, more = "") => `
  <stipend-credit-balance token="${token}"${more}></stipend-credit-balance>
  <script type="module" src="${made.server.url}/embed/credit-balance.js"></script>`;

async function picture(name) {
  const { page } = made;
  const folder = given("BROWSER_SCREENSHOTS");
  mkdirSync(folder, { recursive: true });
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    await page.screenshot({ path: path.join(folder, `${name}-${colorScheme}.png`) });
    assert.deepEqual(await barriers(page), [], `axe on ${name} in ${colorScheme}`);
  }
  await page.emulateMedia({ colorScheme: "light" });
  // What axe itself sets off is not the page's doing.
  made.troubles.length = 0;
}

test("the element shows the balance on a page of another site with a strict policy", async () => {
  const { page } = made;
  await page.setViewportSize(NARROW);
  const { token } = await tokenOf(ACME);
  await open(element(token));
  const shown = page.locator("stipend-credit-balance");
  await shown.getByText("70,499.999999999 credits left").waitFor();
  const text = await shown.evaluate(({ shadowRoot }) => shadowRoot.textContent);
  assert.match(text, /12,000\.000000001 of 82,500 used/);
  assert.match(text, /<img src=x onerror=alert\(1\)>/, "a name stays a text");
  await shown.getByRole("img", { name: "12,000.000000001 of 82,500 used" }).waitFor();
  assert.equal(await shown.getByRole("listitem").count(), 2);
  const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(over <= 0, `it is ${over} pixels wider than a phone`);
  assertNoTroubles(made);
  await picture("embed-element-390");
});

test("variables and parts of the site give the element its look", async () => {
  const { page } = made;
  await open(element((await tokenOf(ACME)).token));
  const shown = page.locator("stipend-credit-balance");
  const fill = shown.locator(".fill");
  await fill.waitFor();
  const colour = () => fill.evaluate((one) => getComputedStyle(one).backgroundColor);
  assert.equal(await colour(), "rgb(15, 118, 110)");
  await page.evaluate(() => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(`stipend-credit-balance { --stipend-accent: rgb(124, 58, 237) }
      stipend-credit-balance::part(amount) { color: rgb(1, 2, 3) }`);
    document.adoptedStyleSheets = [sheet];
  });
  assert.equal(await colour(), "rgb(124, 58, 237)");
  const amount = shown.locator(".amount");
  assert.equal(await amount.evaluate((one) => getComputedStyle(one).color), "rgb(1, 2, 3)");
  assertNoTroubles(made);
});

test("a token that is over fires an event, and a new one shows the balance again", async () => {
  const { page, troubles } = made;
  const { token } = await tokenOf(ACME);
  await open(element(`${token.slice(0, -1)}${token.endsWith("0") ? 1 : 0}`));
  const shown = page.locator("stipend-credit-balance");
  await shown.getByText("This view is not valid any more.").waitFor();
  await page.waitForFunction(() => globalThis.expired === 1);
  await shown.evaluate((one, fresh) => { one.setAttribute("token", fresh); }, token);
  await shown.getByText("70,499.999999999 credits left").waitFor();
  await made.server.post("/api/v1/credits/consumption", {
    customerId: "acme", currencyId: TYPE, amount: "0.999999999", idempotencyKey: "job-2",
  });
  await shown.evaluate((one) => one.refresh());
  await shown.getByText("70,499 credits left").waitFor();
  assert.equal(await page.evaluate(() => globalThis.expired), 1);
  // The browser itself notes the refusal of the first token.
  assert.ok(troubles.splice(0).every((text) => text.includes("401")), "and nothing else");
});

test("the element says that there are no credits, no token, or no answer", async () => {
  const { page } = made;
  await open(element((await tokenOf(ACME.replace("acme", "globex"))).token));
  const shown = page.locator("stipend-credit-balance");
  await shown.getByText("No credits yet.").waitFor();
  await shown.evaluate((one) => { one.setAttribute("lang", "de"); one.removeAttribute("token"); });
  await shown.getByText("No credits to show.").waitFor();
  assertNoTroubles(made);
  await shown.evaluate((one) => {
    one.setAttribute("src", "https://elsewhere.example/");
    one.setAttribute("token", "x");
  });
  await shown.getByText("The credits cannot be shown now.").waitFor();
  made.troubles.length = 0;
});

test("the page in a frame shows the same, without scripts", async () => {
  const { page, server } = made;
  await page.setViewportSize(NARROW);
  const { url } = await tokenOf(ACME);
  const scripts = [];
  page.on("request", (request) => {
    if (request.frame() !== page.mainFrame() && request.resourceType() === "script") {
      scripts.push(request.url());
    }
  });
  await open(`<iframe title="Credits" width="360" height="560" sandbox=""
    src="${server.url}${url}"></iframe>`);
  const frame = page.frameLocator("iframe");
  await frame.getByText("70,499 credits left").waitFor();
  assert.equal(await frame.getByRole("listitem").count(), 2);
  assert.deepEqual(scripts, []);
  assertNoTroubles(made);
});

test("the page alone is accessible in light and dark on a phone", async () => {
  const { page, server } = made;
  await page.setViewportSize(NARROW);
  const { url } = await tokenOf(ACME);
  await page.goto(server.url + url);
  await picture("embed-page-390");
  const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(over <= 0, `it is ${over} pixels wider than a phone`);
  await page.goto(`${server.url}${url}&theme=dark`);
  const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  assert.equal(ground, "rgb(22, 25, 28)", "whatever the browser prefers");
});

test("a site that was not named is refused by the browser", async () => {
  const { page, server, troubles } = made;
  const { token, url } = await tokenOf(ACME);
  host.body = `${element(token)}<iframe title="Credits" src="${server.url}${url}"></iframe>`;
  await page.goto(host.url.replace("localhost", "127.0.0.1"));
  const shown = page.locator("stipend-credit-balance");
  await shown.getByText("The credits cannot be shown now.").waitFor();
  assert.equal(await page.frameLocator("iframe").getByText("credits left").count(), 0);
  assert.ok(troubles.splice(0).length > 0, "the browser says so");
});
