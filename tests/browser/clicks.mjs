// What people do on the dashboard, by the names that they see.

export const PASSWORD = "a long enough sentence";
const MAIN = "#main";

/** A field by its label; fields that may stay empty say so behind it. */
export function field(page, label) {
  const name = new RegExp(`^${label.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}( \\(optional\\))?$`);
  return page.locator(MAIN).getByLabel(name);
}

/** Fills in fields by their labels: texts are typed, `{ pick }` chooses of a list. */
export async function fill(page, fields) {
  for (const [label, value] of Object.entries(fields)) {
    if (typeof value === "string") await field(page, label).fill(value);
    else await field(page, label).selectOption({ label: value.pick });
  }
}

export const press = (page, name) =>
  page.locator(MAIN).getByRole("button", { name, exact: true }).click();

export const follow = (page, name) =>
  page.locator(MAIN).getByRole("link", { name, exact: true }).first().click();

/** Goes to a screen by the navigation. */
export const go = (page, name) =>
  page.getByRole("navigation", { name: "Main" }).getByRole("link", { name, exact: true }).click();

/** What the page says about what was done last. */
export const said = (page) => page.getByRole("status").first().innerText();

/** Sets the owner up by the link that the server printed. */
export async function setUp({ page, server }) {
  await page.goto(server.setUpLink);
  await fill(page, { Password: PASSWORD, "Password again": PASSWORD });
  await press(page, "Set up the dashboard");
}

/** `+ Add` of the entitlements of the plan or add-on that is shown. */
export async function addCredits(page, amount, behavior) {
  await follow(page, "+ Add");
  await fill(page, { "Credit type": { pick: "API Credits" }, Amount: amount });
  await fill(page, { Cadence: { pick: "Monthly" } });
  if (behavior) await page.getByRole("radio", { name: behavior }).check();
  await press(page, "Add");
}

export async function publish(page) {
  await follow(page, "Publish");
  await press(page, "Publish");
}

/** An id that people type where no script makes it of the name. */
async function named(page, { name, id }, scripts) {
  await fill(page, { Name: name });
  if (!scripts) await fill(page, { Id: id });
}

async function add(page, screen, button, it, scripts, more = {}) {
  await go(page, screen);
  await follow(page, button);
  await named(page, it, scripts);
  await fill(page, more);
}

/** Product, credit type and a plan with 50,000 credits a month, as a draft. */
export async function makePlan(page, { scripts = true } = {}) {
  await add(page, "Products", "+ Add product", { name: "Platform", id: "product-platform" }, scripts);
  await press(page, "Add");
  const type = { name: "API Credits", id: "cred-type-api-credits" };
  await add(page, "Credit types", "+ Add credit type", type, scripts);
  await press(page, "Add");
  const product = { Product: { pick: "Platform" } };
  await add(page, "Plans", "+ Add plan", { name: "Growth", id: "plan-growth" }, scripts, product);
  await press(page, "Add");
  await addCredits(page, "50,000");
}

/** An add-on with credits, as a draft. */
export async function makeAddon(page, { name, id, type, amount, behavior }, scripts = true) {
  const product = { Product: { pick: "Platform" } };
  await add(page, "Add-ons", "+ Add add-on", { name, id }, scripts, product);
  await page.getByRole("radio", { name: type }).check();
  await press(page, "Add");
  await addCredits(page, amount, behavior);
}

export async function setPrice(page, monthly) {
  await follow(page, "Set the price");
  await page.getByRole("radio", { name: "Paid" }).check();
  await fill(page, { "A month": monthly, Currency: "usd" });
  await press(page, "Save to the draft");
}

/** Lets customers of the plan buy an add-on; a draft is there afterwards. */
export async function allow(page, addon) {
  await go(page, "Plans");
  await follow(page, "Growth");
  await follow(page, "Edit details");
  await page.locator(MAIN).getByRole("checkbox", { name: addon }).check();
  await press(page, "Save to the draft");
}

export async function makeCustomer(page, { name, id }) {
  await go(page, "Customers");
  await follow(page, "+ New customer");
  await fill(page, { Id: id, Name: name });
  await press(page, "Create");
}

export const EXTRA = {
  name: "Extra API Credits", id: "addon-extra-api-credits", type: "Multiple instance",
  amount: "10,000", behavior: "Increment plan limit",
};

/** From an empty catalog to a customer with the plan and three units of the add-on. */
export async function makeExample(page, { scripts = true } = {}) {
  await makePlan(page, { scripts });
  await makeAddon(page, EXTRA, scripts);
  await setPrice(page, "20");
  await publish(page);
  await allow(page, EXTRA.name);
  await publish(page);
  await makeCustomer(page, { name: "Acme", id: "acme" });
  await follow(page, "+ New subscription");
  await field(page, "Plan").selectOption("plan-growth");
  await fill(page, { [EXTRA.name]: "3" });
}

/** A feature of which uses are counted. */
export async function addFeature(page, name) {
  await add(page, "Features", "+ Add feature", { name }, true);
  await press(page, "Add");
}

/** Changes what the plan gives, in a draft. */
export async function draftPlan(page, amount) {
  await go(page, "Plans");
  await follow(page, "Growth");
  await follow(page, "Edit API Credits");
  await fill(page, { Amount: amount });
  await press(page, "Save to the draft");
}
