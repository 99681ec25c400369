// The browser under test, and what is looked at on every page.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import path from "node:path";
import { after, before } from "node:test";

import { given, Server } from "./server.mjs";

// The packages are installed outside of the source tree.
const require = createRequire(path.join(given("BROWSER_PACKAGES"), "package.json"));
const { chromium } = require("playwright-core");
const { source: axe } = require("axe-core");

const TIMEOUT_MS = 15_000;
const PAGE_BYTES_MAX = 100_000;
const ARGUMENTS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
  "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
];

/**
 * One server and one page for the tests of a file; `world.page` and `world.server` are them.
 * What the tests need to be there before them is made by `prepare`; `serve` are options of the server.
 */
export function world({ prepare, serve, ...options } = {}) {
  const made = { troubles: [] };
  let browser;
  before(async () => {
    made.server = await Server.start(serve);
    browser = await chromium.launch({
      executablePath: given("BROWSER"), headless: true, args: ARGUMENTS,
    });
    const viewport = { width: 1280, height: 800 };
    const context = await browser.newContext({ viewport, reducedMotion: "reduce", ...options });
    made.page = await context.newPage();
    made.page.setDefaultTimeout(TIMEOUT_MS);
    listen(made);
    await prepare?.();
  });
  after(async () => {
    await browser?.close();
    await made.server?.stop();
    assert.deepEqual(made.troubles, [], "the browser has nothing to complain about");
  });
  return made;
}

/** Notes what the browser complains about: errors of scripts, and what the policy forbids. */
function listen({ page, troubles }) {
  const note = (text) => troubles.push(`${page.url()}: ${text}`);
  page.on("pageerror", (error) => note(error.message));
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) note(message.text());
  });
}

/** Whether the browser complained about the pages that were seen until now. */
export function assertNoTroubles(made) {
  assert.deepEqual(made.troubles.splice(0), [], "the browser has nothing to complain about");
}

/** The page with its style and script, as many bytes as the browser has to read. */
export async function assertLight(page, name) {
  const bytes = await page.evaluate(() => {
    const kinds = ["navigation", "resource"];
    const loads = kinds.flatMap((kind) => performance.getEntriesByType(kind));
    return loads.reduce((sum, load) => sum + load.decodedBodySize, 0);
  });
  assert.ok(bytes > 1_000 && bytes < PAGE_BYTES_MAX, `${name} has ${bytes} bytes`);
}

/** What axe finds serious or critical, in one line each. */
export async function barriers(page) {
  await page.evaluate(`if (!window.axe) { ${axe} }`);
  return page.evaluate(async () => {
    const { violations } = await window.axe.run(document, { resultTypes: ["violations"] });
    const grave = violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
    return grave.flatMap(({ id, nodes }) =>
      nodes.map(({ target, failureSummary }) => `${id}: ${target.join(" ")}: ${failureSummary}`));
  });
}
