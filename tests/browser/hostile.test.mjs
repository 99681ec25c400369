// Names as nobody's friend gives them: markup, quotes, templates, a text that turns the direction
// around, emoji, and a word without an end. Every screen shows them as text, and nothing else.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, test } from "node:test";

import { assertNoTroubles, barriers, world } from "./browser.mjs";
import { field, fill, press, setUp } from "./clicks.mjs";

const E = "/e/production";
const WIDE = { width: 1280, height: 800 };
const NARROW = { width: 390, height: 844 };
const NAME_MAX = 255;
const KEY_NAME_MAX = 100;
const NOTE_MAX = 500;

const MARKUP = `<script>ran=1;alert(1)</script>"'><img src=x onerror=ran=1>`;
const TURNED = "\u202Egnp.exe";
const HOSTILE = `${MARKUP}{{7*7}}=cmd()&amp;${TURNED}👩‍👩‍👧‍👦🏳️‍🌈`;

/** A hostile name of its own for everything, as long as a field takes it. */
const hostile = (what, length = NAME_MAX, text = HOSTILE) =>
  `${what} ${text}`.padEnd(length, "W");

const TYPE_ID = `type-${"t".repeat(200)}`;
const CUSTOMER_ID = `C_|.@-${"c".repeat(240)}`;
const CUSTOMER = `${E}/customers/${CUSTOMER_ID}`;
const METADATA = { [`"><script>alert(2)</script>`]: hostile("Metadata", NOTE_MAX) };

const NAMES = {
  product: hostile("Product"),
  type: hostile("Type"),
  units: hostile("Units"),
  feature: hostile("Feature"),
  plan: hostile("Plan"),
  addon: hostile("Addon"),
  customer: hostile("Customer"),
  grant: hostile("Grant"),
  comment: hostile("Comment", NOTE_MAX),
  description: `Description ${HOSTILE}`,
  key: hostile("Key", KEY_NAME_MAX, MARKUP + TURNED),
  metadata: METADATA[Object.keys(METADATA)[0]],
};
const { product, type, units, feature, plan, addon, customer, grant, comment, description, key } =
  NAMES;

/** The site of somebody else, with the element that shows a balance; `host.token` opens it. */
const host = {};
const site = createServer((_, response) => {
  response.setHeader("content-type", "text/html; charset=utf-8");
  response.end(`<!doctype html><html lang="en"><title>App</title><link rel="icon" href="data:,">
    <script type="module" src="${made.server.url}/embed/credit-balance.js"></script>
    <main id="main"><h1>Your account</h1>
    <stipend-credit-balance token="${host.token}"></stipend-credit-balance></main>`);
});
await new Promise((resolve) => { site.listen(0, "127.0.0.1", resolve); });
host.url = `http://localhost:${site.address().port}`;
after(() => site.close());

const made = world({ prepare, serve: ["--embed-origins", host.url] });
const dialogs = [];

async function prepare() {
  made.page.on("dialog", (dialog) => { dialogs.push(dialog.message()); return dialog.dismiss(); });
  await makeCatalog();
  await setUp(made);
  await makeLife(await makeKey());
}

const MONTHLY = { billingPeriod: "MONTHLY" };
const USD = { amount: 5, currency: "usd" };
const CHARGES = {
  pricingType: "PAID",
  pricingModels: [
    { billingModel: "FLAT_FEE", pricePeriods: [{ ...MONTHLY, price: USD }] },
    { billingModel: "PER_UNIT", featureId: "feature-1", tiersMode: "VOLUME", pricePeriods: [
      { ...MONTHLY, tiers: [{ upTo: 10, unitPrice: USD }, { flatPrice: USD }] },
    ] },
    { billingModel: "CREDIT_BASED", featureId: "feature-1", pricePeriods: [
      { ...MONTHLY, creditRate: { amount: 2, currencyId: TYPE_ID } },
    ] },
  ],
  overagePricingModels: [{ currencyId: TYPE_ID, pricePeriods: [{ ...MONTHLY, price: USD }] }],
};

async function makeCatalog() {
  const { server } = made;
  const more = { description, metadata: METADATA };
  await server.post("/api/v1/products", { id: "product-1", displayName: product, ...more });
  await server.post("/api/v1/credits/custom-currencies", {
    id: TYPE_ID, displayName: type, symbol: HOSTILE, units: { singular: units, plural: units },
    ...more,
  });
  await server.post("/api/v1/features", {
    id: "feature-1", displayName: feature, featureType: "NUMBER", meterType: "INCREMENTAL",
    featureUnits: units, featureUnitsPlural: units, ...more,
  });
  const gives = { entitlements: [
    { type: "CREDIT", id: TYPE_ID, amount: 10_000, cadence: "MONTH" },
    { type: "FEATURE", id: "feature-1", usageLimit: 100, resetPeriod: "MONTH" },
  ] };
  const kinds = [["addons", "addon-1", addon], ["plans", "plan-1", plan]];
  for (const [kind, id, displayName] of kinds) {
    const it = `/api/v1/${kind}/${id}`;
    await server.post(`/api/v1/${kind}`, {
      id, displayName, productId: "product-1", pricingType: "PAID", ...more,
    });
    await server.post(`${it}/entitlements`, gives);
    if (kind === "plans") await server.send("PATCH", it, { compatibleAddonIds: ["addon-1"] });
    await server.send("PATCH", it, { charges: CHARGES });
    await server.post(`${it}/publish`, { migrationType: "NEW_CUSTOMERS" });
    // A draft beside what is published, so that both are shown.
    await server.post(`${it}/draft`);
  }
}

/** Keys are made on the dashboard alone. */
async function makeKey() {
  const { page, server } = made;
  await page.goto(`${server.url}${E}/api-keys/new`);
  await fill(page, { Name: key });
  await press(page, "Add");
  return page.locator(".notice code").innerText();
}

/** What happens to the customer is done with the key of the hostile name. */
async function makeLife(secret) {
  const post = (address, body) => made.server.post(address, body, secret);
  const at = { customerId: CUSTOMER_ID, currencyId: TYPE_ID };
  await post("/api/v1/customers", { id: CUSTOMER_ID, name: customer, metadata: METADATA });
  await post("/api/v1/subscriptions", {
    id: "sub-1", customerId: CUSTOMER_ID, planId: "plan-1", metadata: METADATA,
    addons: [{ id: "addon-1", quantity: 2 }],
  });
  const trialEndDate = new Date(Date.now() + 14 * 86_400_000).toISOString();
  await post("/api/v1/subscriptions", {
    id: "sub-2", customerId: CUSTOMER_ID, planId: "plan-1", resourceId: "site-1",
    trialOverrideConfiguration: { isTrial: true, trialEndDate },
  });
  await post("/api/v1/credits/grants", {
    ...at, amount: 2_500, grantType: "PROMOTIONAL", displayName: grant, comment,
  });
  await post("/api/v1/credits/consumption", {
    ...at, amount: 1_250, idempotencyKey: "job-1", dimensions: { [MARKUP]: HOSTILE },
  });
  await post("/api/v1/usage", { usages: [
    { customerId: CUSTOMER_ID, featureId: "feature-1", value: 3 },
  ] });
  await made.server.send("PATCH", "/api/v1/products/product-1", { description: HOSTILE }, secret);
}

/** Screens, and what stands on each: an address, or the link of another screen. */
const SCREENS = {
  products: [`${E}/products`, product],
  product: [`${E}/products/product-1`, product, plan, addon, NAMES.metadata],
  "product-edit": [`${E}/products/product-1/edit`, product, NAMES.metadata],
  "product-archive": [`${E}/products/product-1/archive`, product],
  plans: [`${E}/plans`, plan, product],
  plan: [`${E}/plans/plan-1`, plan, product, type, feature, addon, NAMES.metadata],
  "plan-version": [`${E}/plans/plan-1/versions/1`, plan, type, feature, NAMES.metadata],
  "plan-new": [`${E}/new-plan`, product],
  "plan-edit": [`${E}/plans/plan-1/edit`, plan, addon, NAMES.metadata],
  "plan-price": [`${E}/plans/plan-1/price`, plan, feature, type],
  "price-new": [`${E}/plans/plan-1/prices/new`, plan, feature, type],
  "price-overage": [`${E}/plans/plan-1/prices/new?of=overage`, plan, feature, type],
  "price-edit": [{ on: `${E}/plans/plan-1`, by: "Edit Units of" }, plan, feature, type],
  "plan-discard": [`${E}/plans/plan-1/discard`, plan],
  "plan-publish": [`${E}/plans/plan-1/publish`, plan],
  "plan-archive": [`${E}/plans/plan-1/archive`, plan],
  "plan-entitlement-new": [`${E}/plans/plan-1/entitlements/new`, plan],
  "plan-feature-new": [`${E}/plans/plan-1/entitlements/new?of=feature`, plan],
  addons: [`${E}/addons`, addon, product],
  addon: [`${E}/addons/addon-1`, addon, type, feature, plan],
  "addon-edit": [`${E}/addons/addon-1/edit`, addon, NAMES.metadata],
  "addon-price": [`${E}/addons/addon-1/price`, addon, feature, type],
  "addon-publish": [`${E}/addons/addon-1/publish`, addon],
  "addon-archive": [`${E}/addons/addon-1/archive`, addon],
  "addon-entitlement": [`${E}/addons/addon-1/entitlements/credit/${TYPE_ID}`, addon, type],
  "addon-feature": [`${E}/addons/addon-1/entitlements/feature/feature-1`, addon, feature],
  features: [`${E}/features`, feature],
  feature: [`${E}/features/feature-1`, feature, NAMES.metadata],
  "feature-edit": [`${E}/features/feature-1/edit`, feature, units, NAMES.metadata],
  "credit-types": [`${E}/credit-types`, type],
  "credit-type": [`${E}/credit-types/${TYPE_ID}`, type, plan, addon, NAMES.metadata],
  "credit-type-archive": [`${E}/credit-types/${TYPE_ID}/archive`, plan, addon],
  "credit-type-edit": [`${E}/credit-types/${TYPE_ID}/edit`, type, units, NAMES.metadata],
  customers: [`${E}/customers`, customer],
  "customer-edit": [`${CUSTOMER}/edit`, customer, NAMES.metadata],
  "customer-archive": [`${CUSTOMER}/archive`, customer],
  subscriptions: [CUSTOMER, customer, plan, addon, NAMES.metadata],
  subscribe: [`${CUSTOMER}/subscribe`, customer, plan, addon, type],
  "subscription-update": [`${CUSTOMER}/subscriptions/sub-1/update`, plan, addon, type],
  "subscription-cancel": [`${CUSTOMER}/subscriptions/sub-1/cancel`, customer],
  "subscription-trial": [`${CUSTOMER}/subscriptions/sub-2/trial`, customer, plan],
  credits: [`${CUSTOMER}/credits`, customer, type, plan, addon, grant],
  adjust: [`${CUSTOMER}/credits/adjust`, customer, type],
  grants: [`${CUSTOMER}/credits/grants`, grant, comment],
  "grant-void": [{ on: `${CUSTOMER}/credits/grants`, by: "Void" }],
  ledger: [`${CUSTOMER}/credits/ledger`, customer, grant],
  decision: [{ on: `${CUSTOMER}/credits/ledger`, by: "Why" }, type],
  entitlements: [`${CUSTOMER}/entitlements`, feature, type, plan],
  activity: [`${CUSTOMER}/activity`, plan, grant, comment, key],
  embed: [`${CUSTOMER}/credits/embed`, customer, CUSTOMER_ID],
  "usage-events": [`${E}/usage-events`, customer, feature, type],
  "activity-log": [`${E}/activity-log`, product, type, feature, plan, addon, key],
  "api-keys": [`${E}/api-keys`, key],
  "api-key-revoke": [{ on: `${E}/api-keys`, by: "Revoke…" }, key],
};

async function open(screen) {
  const { page, server } = made;
  const answer = await page.goto(server.url + (screen.on ?? screen));
  assert.ok(answer.ok(), `${screen.on ?? screen}: ${answer.status()}`);
  if (!screen.by) return;
  const link = page.locator("#main").getByRole("link", { name: screen.by }).first();
  const left = page.waitForNavigation();
  await link.click();
  assert.ok((await left).ok(), `${screen.on}: ${screen.by}`);
}

/** What the page says, also in its fields, and what should not be on it. */
const read = () => made.page.evaluate(() => {
  const fields = [...document.querySelectorAll("input, textarea")].map((one) => one.value);
  const strange = "#main script, body > script, body iframe, img:not(.sign), [onerror], [style]";
  return {
    text: [document.body.textContent, ...fields].join("\n"),
    strange: [...document.querySelectorAll(strange)].map((one) => one.outerHTML),
    ran: globalThis.ran,
  };
});

/** Texts that turn the direction around where no markup can stand, and that are not kept in. */
const loose = () => made.page.evaluate(() => {
  const kept = /\u2068[^\u2069]*\u202E[^\u2069]*\u2069/g;
  const found = [...document.querySelectorAll("title, option, .flash")].map((one) => one.textContent);
  return found.filter((text) => text.replace(kept, "").includes("\u202E"));
});

/** Texts that turn the direction around, together with what stands behind them in the line. */
const turned = () => made.page.evaluate(() => {
  const found = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const { data, parentElement: parent, nextSibling: next } = texts.currentNode;
    if (!data.includes("\u202E") || parent.closest("option, textarea, title, .visually-hidden")) continue;
    const { display, unicodeBidi } = getComputedStyle(parent);
    const isKept = unicodeBidi.startsWith("isolate") || !display.startsWith("inline");
    const isLast = !next || (next.nodeType === 1 && getComputedStyle(next).display !== "inline");
    if (!isKept || !isLast) found.push(parent.outerHTML.slice(0, 60) + next?.textContent.slice(0, 40));
  }
  return found;
});

/** How many pixels the page is too wide, and what makes it so. */
const over = () => made.page.evaluate(() => {
  const pixels = document.documentElement.scrollWidth - innerWidth;
  if (pixels <= 0) return [];
  const wide = [...document.querySelectorAll("#main *")]
    .filter((one) => one.getBoundingClientRect().right > innerWidth && !one.closest(".table, pre"));
  return [`${pixels} pixels`, ...wide.slice(-5).map((one) => one.outerHTML.slice(0, 90))];
});

async function assertHarmless(name, texts) {
  const { page } = made;
  assertNoTroubles(made);
  const { text, strange, ran } = await read();
  assert.deepEqual({ strange, ran, dialogs }, { strange: [], ran: undefined, dialogs: [] }, name);
  for (const wanted of texts) assert.ok(text.includes(wanted), `${name} shows ${wanted}:\n${text}`);
  const wide = {};
  for (const viewport of [NARROW, WIDE]) {
    await page.setViewportSize(viewport);
    wide[viewport.width] = await over();
  }
  assert.deepEqual(wide, { 390: [], 1280: [] }, `${name} scrolls sideways`);
  assert.deepEqual(await turned(), [], `${name} turns the direction around`);
  assert.deepEqual(await loose(), [], `${name} turns the direction around in titles and lists`);
  assert.deepEqual(await barriers(page), [], `axe on ${name}`);
  // What axe itself sets off is not the page's doing.
  made.troubles.length = 0;
}

for (const [name, [screen, ...texts]] of Object.entries(SCREENS)) {
  test(`the screen ${name} shows hostile names as text`, async () => {
    await open(screen);
    await assertHarmless(name, texts);
  });
}

test("metadata is shown as text where changes are told", async () => {
  const { page, server } = made;
  const renamed = hostile("Renamed");
  const it = `/api/v1/customers/${CUSTOMER_ID}`;
  const kept = Object.keys(METADATA)[0];
  await server.send("PATCH", it, { name: renamed, metadata: { [kept]: HOSTILE } });
  await page.goto(`${server.url}${CUSTOMER}/activity`);
  await assertHarmless("activity", [NAMES.metadata, `Metadata: ${kept}`, renamed]);
});

test("the page for a frame shows hostile names as text", async () => {
  const { page, server } = made;
  const { data } = await server.post(`/api/v1/customers/${CUSTOMER_ID}/credit-balance-tokens`, {});
  await page.goto(server.url + data.url);
  await assertHarmless("the embedded balance", [type, units, grant, plan]);
});

test("the element on another site's page shows hostile names as text", async () => {
  const { page, server } = made;
  const { data } = await server.post(`/api/v1/customers/${CUSTOMER_ID}/credit-balance-tokens`, {});
  host.token = data.token;
  await page.goto(host.url);
  const shown = page.locator("stipend-credit-balance");
  await shown.getByText(" used").first().waitFor();
  const { text, strange } = await shown.evaluate(({ shadowRoot }) => ({
    text: shadowRoot.textContent,
    strange: [...shadowRoot.querySelectorAll("script, iframe, img, [onerror]")]
      .map((one) => one.outerHTML),
  }));
  assert.deepEqual(strange, []);
  for (const wanted of [type, units, grant, plan]) assert.ok(text.includes(wanted), wanted);
  await assertHarmless("the element", []);
});

test("what was done to a thing of a hostile name is said as text", async () => {
  const { page, server } = made;
  const name = hostile("Gone");
  await server.post("/api/v1/products", { id: "gone", displayName: name });
  await page.goto(`${server.url}${E}/products/gone/archive`);
  await press(page, "Archive");
  await page.getByRole("status").first().waitFor();
  await assertHarmless("the message", [name]);
});

/** A page that is refused; the browser itself notes the status. */
async function assertRefusal(status, name, texts) {
  const noted = made.troubles.splice(0);
  assert.ok(noted.every((text) => text.includes(`${status}`)), `${noted}`);
  await assertHarmless(name, texts);
}

test("what is not there has a page that says so", async () => {
  const { page, server } = made;
  const unknown = encodeURIComponent(MARKUP);
  const addresses = [
    `${E}/${unknown}`, `${E}/customers/nobody`, `${E}/plans/${unknown}`, `/e/${unknown}/plans`,
    `${CUSTOMER}/decisions/${unknown}`,
  ];
  for (const address of addresses) {
    const answer = await page.goto(server.url + address);
    assert.equal(answer.status(), 404, address);
    await page.getByRole("heading", { level: 1, name: "There is nothing here" }).waitFor();
    await page.getByRole("link", { name: "To the dashboard" }).waitFor();
    await assertRefusal(404, address, []);
  }
});

/** Sends a form with a wrong value and sees what is said beside the field. */
async function assertKept(name, address, { fields, wrong, button, says }) {
  const { page, server } = made;
  await page.goto(server.url + address);
  await fill(page, fields);
  const left = page.waitForNavigation();
  await press(page, button);
  assert.equal((await left).status(), 422, name);
  await page.getByRole("alert").getByText("That was not saved.").waitFor();
  const control = field(page, wrong);
  assert.equal(await control.getAttribute("aria-invalid"), "true", name);
  const beside = await control.getAttribute("aria-describedby");
  const said = await page.locator(`#${beside.split(" ")[0]}`).innerText();
  assert.match(said, says, name);
  await page.getByRole("link", { name: "Go to the field" }).click();
  assert.ok(await control.evaluate((one) => one.matches(":focus, :target")), "the link leads there");
  for (const [label, value] of Object.entries(fields)) {
    if (typeof value === "string") assert.equal(await field(page, label).inputValue(), value, label);
  }
  await assertRefusal(422, name, Object.values(fields).filter((one) => typeof one === "string"));
}

test("a form with a wrong value says it beside the field and keeps what was typed", async () => {
  const typed = hostile("Typed");
  await assertKept("a product's form", `${E}/new-product`, {
    fields: { Name: typed, Id: MARKUP, Description: HOSTILE },
    wrong: "Id", button: "Add", says: /id/i,
  });
  await assertKept("a credit type's form", `${E}/new-credit-type`, {
    fields: { Name: typed, Id: TYPE_ID, Description: HOSTILE },
    wrong: "Id", button: "Add", says: /./,
  });
  await assertKept("a customer's form", `${E}/new-customer`, {
    fields: { Id: "a b", Name: typed }, wrong: "Id", button: "Create", says: /id/i,
  });
  await assertKept("an entitlement's form", `${E}/addons/addon-1/entitlements/credit/${TYPE_ID}`, {
    fields: { Amount: `1,5"><b>${"9".repeat(60)}` }, wrong: "Amount", button: "Save to the draft",
    says: /./,
  });
});
