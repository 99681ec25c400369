// The same clicks in a browser that runs no scripts.

import assert from "node:assert/strict";
import { test } from "node:test";

import { assertNoTroubles, world } from "./browser.mjs";
import { field, follow, makeExample, press, setUp } from "./clicks.mjs";

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
