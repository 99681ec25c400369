// The page that the product was made from, by clicking: from an empty server to 80,000 API
// credits a month in total, and on to the tier that replaces what the plan gives.

import assert from "node:assert/strict";
import { test } from "node:test";

import { assertNoTroubles, world } from "./browser.mjs";
import {
  allow, field, fill, follow, go, makeAddon, makeExample, press, publish, setUp,
} from "./clicks.mjs";

const made = world();

test("an empty server leads by clicking to 80,000 API credits a month in total", async () => {
  const { page } = made;
  await setUp(made);
  await makeExample(page);
  const summary = page.getByRole("complementary");
  await summary.getByText("80,000").first().waitFor();
  await press(page, "Subscribe");
  await follow(page, "Credits");
  const balance = await page.getByRole("region", { name: "Balance" }).innerText();
  assert.match(balance, /^API Credits\n+80,000 left of 80,000 API credits/i);
  const told = await page.locator("section", { hasText: "Where it comes from" }).innerText();
  assert.match(told, /Growth[^]*50,000/);
  assert.match(told, /Extra API Credits[^]*10,000 × 3[^]*30,000/);
  assertNoTroubles(made);
});

test("an add-on that overrides moves the customer to 500,000, and the page says why", async () => {
  const { page } = made;
  await makeAddon(page, {
    name: "Credit tier", type: "Single instance", amount: "500,000",
    behavior: "Override plan limit",
  });
  await publish(page);
  await allow(page, "Credit tier");
  await follow(page, "Publish");
  await page.getByRole("radio", { name: "All customers" }).check();
  await press(page, "Publish");
  await go(page, "Customers");
  await follow(page, "Acme");
  await follow(page, "Update");
  await fill(page, { "Extra API Credits": "0", "Credit tier": "1" });
  await page.getByRole("complementary").getByText("500,000").first().waitFor();
  assert.equal(await field(page, "Credit tier").inputValue(), "1");
  await press(page, "Save changes");
  await follow(page, "Credits");
  const balance = await page.getByRole("region", { name: "Balance" }).innerText();
  assert.match(balance, /500,000 left of 500,000/);
  const told = await page.locator("section", { hasText: "Where it comes from" }).innerText();
  assert.match(told, /Credit tier[^]*500,000/);
  assert.match(told, /Growth[^]*50,000/);
  assert.match(told, /Displaced: Credit tier overrides the plan/);
  assertNoTroubles(made);
});
