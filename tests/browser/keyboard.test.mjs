// The main flow by people who use no mouse: Tab, typing, arrows, Space and Enter alone.

import assert from "node:assert/strict";
import { test } from "node:test";

import { assertNoTroubles, world } from "./browser.mjs";
import { PASSWORD } from "./clicks.mjs";

const STOPS_MAX = 60;
const made = world();

const isFocused = (locator) =>
  locator.evaluate((element) => element === document.activeElement && element.matches(":focus-visible"));

/** Presses Tab until something has the focus, and sees that it shows it. */
async function tabTo(locator) {
  const { page } = made;
  await locator.waitFor();
  for (let stops = 0; stops < STOPS_MAX; stops += 1) {
    if (await isFocused(locator)) {
      const style = await locator.evaluate((element) => getComputedStyle(element).outlineStyle);
      assert.notEqual(style, "none", "the focus is seen");
      return;
    }
    await page.keyboard.press("Tab");
  }
  assert.fail(`Tab does not reach ${locator}`);
}

const main = () => made.page.locator("#main");
const link = (name) => main().getByRole("link", { name, exact: true }).first();
const button = (name) => main().getByRole("button", { name, exact: true });
const line = (name) => main().getByRole("textbox", { name: new RegExp(`^${name}( \\(|$)`) });
const inMenu = (name) =>
  made.page.getByRole("navigation", { name: "Main" }).getByRole("link", { name, exact: true });

async function enter(locator) {
  const { page } = made;
  await tabTo(locator);
  const left = page.waitForNavigation();
  await page.keyboard.press("Enter");
  await left;
}

async function type(locator, text) {
  await tabTo(locator);
  await made.page.keyboard.press("Control+A");
  await made.page.keyboard.type(text);
}

/** The skip link leads past the navigation, so that a page's own things are near. */
async function skip() {
  const { page } = made;
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  assert.ok(await main().evaluate((element) => element === document.activeElement));
}

async function add(screen, action, name) {
  await enter(inMenu(screen));
  await skip();
  await enter(link(action));
  await type(line("Name"), name);
}

test("a credit type and the entitlement of an add-on are added by keyboard alone", async () => {
  const { page, server } = made;
  await page.goto(server.setUpLink);
  await type(line("Password"), PASSWORD);
  await type(line("Password again"), PASSWORD);
  await enter(button("Set up the dashboard"));
  await add("Products", "+ Add product", "Platform");
  await enter(button("Add"));
  await add("Credit types", "+ Add credit type", "API Credits");
  await enter(button("Add"));
  await add("Add-ons", "+ Add add-on", "Extra API Credits");
  await enter(button("Add"));
  await skip();
  await enter(link("+ Add"));
  await type(line("Amount"), "10,000");
  await tabTo(main().getByLabel("Cadence"));
  await page.keyboard.type("Month");
  await tabTo(main().getByRole("radio", { name: "Increment plan limit" }));
  await page.keyboard.press("ArrowDown");
  const override = main().getByRole("radio", { name: "Override plan limit" });
  assert.ok(await override.isChecked(), "arrows choose between the behaviors");
  await page.keyboard.press("ArrowUp");
  await enter(button("Add"));
  const row = await main().getByRole("row", { name: /API Credits/ }).first().innerText();
  assert.match(row, /10,000 a month/);
  assert.match(row, /Increment plan limit/);
  assertNoTroubles(made);
});
