// Every screen: axe finds nothing grave in light and dark, the browser complains about nothing,
// the page is light and fits a phone. What was seen is kept as pictures.

import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";

import { assertLight, assertNoTroubles, barriers, world } from "./browser.mjs";
import {
  addFeature, draftPlan, EXTRA, field, fill, makeCustomer, makeExample, press, setUp,
} from "./clicks.mjs";
import { given } from "./server.mjs";

const E = "/e/production";
const ACME = `${E}/customers/acme`;
const ADDON = `${E}/addons/addon-extra-api-credits`;
const PLAN = `${E}/plans/plan-growth`;
const SCALE = `${E}/plans/plan-scale`;
const TYPE = `${E}/credit-types/cred-type-api-credits`;
const WIDE = { width: 1280, height: 800 };
const NARROW = { width: 390, height: 844 };
const SMALL = { width: 1180, height: 760 };
const PICTURE_BYTES_MAX = 60_000;

/** The last one is narrow: what does not fit is seen there. */
const LOOKS = [
  [WIDE, "light", true], [WIDE, "dark", false], [NARROW, "light", false], [NARROW, "dark", true],
];

/** The screens that docs/dashboard.md shows. */
const MAIN = ["addon", "addon-entitlement", "plan-publish", "subscribe", "credits", "decision"];

const made = world({ prepare });

/** Screens by name; what has an id of the server's own is found on another screen. */
const SCREENS = {
  account: "/account",
  products: `${E}/products`,
  "product-new": `${E}/new-product`,
  product: `${E}/products/product-platform`,
  "product-edit": `${E}/products/product-platform/edit`,
  "product-archive": `${E}/products/product-platform/archive`,
  plans: `${E}/plans`,
  "plan-new": `${E}/new-plan`,
  plan: PLAN,
  "plan-version": `${PLAN}/versions/1`,
  "plan-edit": `${PLAN}/edit`,
  "plan-price": `${PLAN}/price`,
  "plan-priced": SCALE,
  "plan-priced-edit": `${SCALE}/edit`,
  "plan-priced-price": `${SCALE}/price`,
  "price-new": `${SCALE}/prices/new`,
  "price-overage": `${SCALE}/prices/new?of=overage`,
  "price-edit": { on: SCALE, by: "Edit Usage of API calls", fill: addTier },
  "price-overage-edit": { on: SCALE, by: "Edit Overage of API calls (units)" },
  "plan-publish": `${PLAN}/publish`,
  "plan-discard": `${PLAN}/discard`,
  "plan-archive": `${PLAN}/archive`,
  "plan-entitlement-feature": `${PLAN}/entitlements/new?of=feature&id=feature-api-calls`,
  addons: `${E}/addons`,
  "addon-new": `${E}/new-addon`,
  addon: ADDON,
  "addon-edit": `${ADDON}/edit`,
  "addon-price": `${ADDON}/price`,
  "addon-entitlement": `${ADDON}/entitlements/credit/cred-type-api-credits`,
  "addon-entitlement-new": `${ADDON}/entitlements/new?of=feature`,
  features: `${E}/features`,
  "feature-new": `${E}/new-feature`,
  feature: `${E}/features/feature-api-calls`,
  "feature-edit": `${E}/features/feature-api-calls/edit`,
  "credit-types": `${E}/credit-types`,
  "credit-type-new": `${E}/new-credit-type`,
  "credit-type": TYPE,
  "credit-type-edit": `${TYPE}/edit`,
  "credit-type-archive": `${TYPE}/archive`,
  customers: `${E}/customers`,
  "customer-new": `${E}/new-customer`,
  "customer-without-anything": `${E}/customers/globex`,
  "customer-without-credits": `${E}/customers/globex/credits`,
  "customer-edit": `${ACME}/edit`,
  "customer-archive": `${ACME}/archive`,
  subscriptions: ACME,
  subscribe: { on: `${E}/customers/globex/subscribe`, fill: chooseThreeUnits },
  "subscription-update": { on: ACME, by: "Update" },
  "subscription-cancel": { on: ACME, by: "Cancel" },
  "subscription-in-trial": `${E}/customers/initech`,
  "subscription-trial": { on: `${E}/customers/initech`, by: "Change trial" },
  credits: `${ACME}/credits`,
  "credits-adjust": `${ACME}/credits/adjust`,
  grants: `${ACME}/credits/grants`,
  embed: `${ACME}/credits/embed`,
  "grant-void": { on: `${ACME}/credits/grants`, by: "Void" },
  ledger: `${ACME}/credits/ledger`,
  decision: { on: `${ACME}/credits/ledger`, by: "Why" },
  entitlements: `${ACME}/entitlements`,
  activity: `${ACME}/activity`,
  "sandbox-is-empty": "/e/sandbox/credit-types",
};

async function prepare() {
  const { page, server } = made;
  await look("setup", server.setUpLink);
  await setUp(made);
  await makeExample(page);
  await press(page, "Subscribe");
  await addFeature(page, "API calls");
  await draftPlan(page, "60,000");
  await makeCustomer(page, { name: "Globex", id: "globex" });
  await makeHistory();
  await makeTrial();
  await makePrices();
}

/** A plan with prices of several kinds, as a draft. */
async function makePrices() {
  const { server } = made;
  const usd = (amount) => ({ amount, currency: "usd" });
  const monthly = (price) => [{ billingPeriod: "MONTHLY", ...price }];
  const of = { featureId: "feature-api-calls" };
  await server.post("/api/v1/plans", {
    id: "plan-scale", displayName: "Scale", productId: "product-platform",
    metadata: { team: "growth", "price book": "2026" },
    defaultTrialConfig: { duration: 14, units: "DAY", trialEndBehavior: "CONVERT_TO_PAID" },
  });
  await server.send("PATCH", "/api/v1/plans/plan-scale", { charges: {
    pricingType: "PAID",
    pricingModels: [
      { billingModel: "FLAT_FEE", pricePeriods: monthly({ price: usd(49) }) },
      { billingModel: "USAGE_BASED", ...of, tiersMode: "GRADUATED", pricePeriods: monthly({ tiers: [
        { upTo: 10_000, unitPrice: usd(0.01) },
        { upTo: 1_000_000, unitPrice: usd(0.004) },
        { unitPrice: usd(0.001), flatPrice: usd(100) },
      ] }) },
      { billingModel: "CREDIT_BASED", ...of, pricePeriods: monthly({
        creditRate: { amount: 2, currencyId: "cred-type-api-credits" },
      }) },
    ],
    overagePricingModels: [
      { currencyId: "cred-type-api-credits", pricePeriods: monthly({
        blockSize: 1_000, price: usd(1.5),
      }) },
      { ...of, billingModel: "PER_UNIT", pricePeriods: monthly({ price: usd(0.02) }) },
    ],
  } });
}

/** Adds a tier by its button, which loads the page again with one more. */
async function addTier(page) {
  await press(page, "+ Add tier");
  await page.getByRole("button", { name: "Remove tier 4" }).waitFor();
  const focused = await page.evaluate(() => document.activeElement.id);
  assert.equal(focused, "f-tiers-upTo-3", "typing goes on in the new tier");
}

/** Use and a gift, as the program of the customer reports them. */
async function makeHistory() {
  const { server } = made;
  const at = { customerId: "acme", currencyId: "cred-type-api-credits" };
  await server.post("/api/v1/credits/grants", {
    ...at, amount: 2_500, grantType: "PROMOTIONAL", displayName: "Sorry for the outage",
    expireAt: new Date(Date.now() + 20 * 86_400_000).toISOString(),
  });
  for (const [key, amount] of [["job-1", 1_250], ["job-2", 18_000], ["job-3", 12_400]]) {
    await server.post("/api/v1/credits/consumption", { ...at, amount, idempotencyKey: key });
  }
}

/** A customer who tries the plan, and metadata of what has it beside plans and customers. */
async function makeTrial() {
  const { server } = made;
  await server.post("/api/v1/customers", { id: "initech", name: "Initech" });
  await server.post("/api/v1/subscriptions", {
    id: "sub-trial", customerId: "initech", planId: "plan-growth",
    trialOverrideConfiguration: {
      isTrial: true, trialEndBehavior: "CONVERT_TO_PAID",
      trialEndDate: new Date(Date.now() + 14 * 86_400_000).toISOString(),
    },
  });
  const metadata = { team: "growth", "price book": "2026" };
  for (const it of [
    "products/product-platform", "features/feature-api-calls",
    "credits/custom-currencies/cred-type-api-credits",
  ]) await server.send("PATCH", `/api/v1/${it}`, { metadata });
}

async function chooseThreeUnits(page) {
  await field(page, "Plan").selectOption("plan-growth");
  await fill(page, { [EXTRA.name]: "3" });
  await page.getByRole("complementary").getByText("80,000").first().waitFor();
}

/** Opens a screen by its address, or by a link on another one, and fills it in. */
async function open(screen) {
  const { page, server } = made;
  const address = screen.on ?? screen;
  const answer = await page.goto(new URL(address, server.url).href);
  assert.ok(answer.ok(), `${address}: ${answer.status()}`);
  if (!screen.by) return screen.fill?.(page);
  const link = page.locator("#main").getByRole("link", { name: screen.by }).first();
  const left = page.waitForNavigation();
  await link.click();
  assert.ok((await left).ok(), `${address}: ${screen.by}`);
  await screen.fill?.(page);
}

async function picture(name, theme, { width }) {
  const folder = given("BROWSER_SCREENSHOTS");
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, `${name}-${theme}-${width}.png`);
  await made.page.screenshot({ path: file, fullPage: true });
}

/** The picture of a main screen for the documentation: small, and of what one sees first. */
async function illustration(name) {
  const folder = process.env.BROWSER_DOCS;
  if (!folder || !MAIN.includes(name)) return;
  await made.page.setViewportSize(SMALL);
  const { small } = await import("./png.mjs");
  const bytes = small(await made.page.screenshot());
  assert.ok(bytes.length < PICTURE_BYTES_MAX, `the picture of ${name} has ${bytes.length} bytes`);
  writeFileSync(path.join(folder, `${name}.png`), bytes);
}

/** One load shows the screen in light and wide, and in dark on a phone; pictures may want all. */
async function look(name, screen) {
  const { page } = made;
  await open(screen);
  await assertLight(page, name);
  assertNoTroubles(made);
  await illustration(name);
  const found = [];
  for (const [viewport, colorScheme, isMain] of LOOKS) {
    if (!isMain && process.env.BROWSER_PICTURES !== "all") continue;
    await page.setViewportSize(viewport);
    await page.emulateMedia({ colorScheme });
    await picture(name, colorScheme, viewport);
    if (isMain) found.push(...(await barriers(page)));
  }
  assert.deepEqual(found, [], `axe on ${name}`);
  const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(over <= 0, `${name} is ${over} pixels wider than a phone`);
  // What axe itself sets off is not the page's doing.
  made.troubles.length = 0;
  await page.setViewportSize(WIDE);
  await page.emulateMedia({ colorScheme: "light" });
}

for (const [name, screen] of Object.entries(SCREENS)) {
  test(`the screen ${name} is accessible, light and quiet`, () => look(name, screen));
}

test("every screen of the navigation is looked at", async () => {
  const { page, server } = made;
  await page.goto(`${server.url}${E}/products`);
  const links = page.getByRole("navigation", { name: "Main" }).getByRole("link");
  const addresses = await links.evaluateAll((all) => all.map((one) => one.getAttribute("href")));
  const known = new Set(Object.values(SCREENS));
  const others = addresses.filter((address) => !known.has(address));
  for (const address of others) await look(address.split("/").at(-1), address);
});

test("the screen sign-in is accessible, light and quiet", async () => {
  const { page } = made;
  await page.context().clearCookies();
  await look("sign-in", "/signin");
});
