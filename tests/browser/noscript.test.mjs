// The same clicks in a browser that runs no scripts.

import assert from "node:assert/strict";
import { test } from "node:test";

import { assertNoTroubles, world } from "./browser.mjs";
import { field, fill, follow, go, makeExample, press, setUp } from "./clicks.mjs";

const made = world({ javaScriptEnabled: false });

test("without scripts the same forms lead to 80,000 API credits a month", async () => {
  const { page } = made;
  await setUp(made);
  await makeExample(page, { scripts: false });
  await press(page, "Preview");
  await page.getByRole("complementary").getByText("80,000").first().waitFor();
  assert.equal(await field(page, "Extra API Credits").inputValue(), "3");
  await press(page, "Subscribe");
  await follow(page, "Credits");
  const balance = await page.getByRole("region", { name: "Balance" }).innerText();
  assert.match(balance, /80,000 left of 80,000 API credits/i);
  assertNoTroubles(made);
});

test("without scripts tiers are added and removed, and the Enter key saves", async () => {
  const { page } = made;
  await go(page, "Plans");
  await follow(page, "Growth");
  await follow(page, "+ Add a price");
  await page.getByRole("radio", { name: "Flat fee" }).check();
  for (const [place, upTo] of [[0, "100"], [1, "500"], [2, ""]]) {
    await press(page, "+ Add tier");
    const line = page.locator(".line").nth(place);
    await line.getByLabel("Up to").fill(upTo);
    await line.getByLabel("In all").fill(`${10 - place}`);
  }
  await press(page, "Remove tier 2");
  await page.getByRole("button", { name: "Remove tier 3" }).waitFor({ state: "detached" });
  await fill(page, { Currency: "eur" });
  await field(page, "Currency").press("Enter");
  await page.getByRole("status").getByText("The price was saved to the draft.").waitFor();
  const prices = await page.getByRole("region", { name: "Prices" }).innerText();
  assert.match(prices, /Up to 100: 10 EUR in all\s+Above 100: 8 EUR in all/);
  assertNoTroubles(made);
});
