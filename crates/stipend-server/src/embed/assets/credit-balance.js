// <stipend-credit-balance token="…">: see docs/embed.md.
const style = new CSSStyleSheet();
style.replaceSync(`
:host { --line: var(--stipend-border, light-dark(#e1e5e8, #2a3036)); --bad: var(--stipend-danger, light-dark(#b3261e, #ff9d94));
  display: block; font: .9375rem/1.5 var(--stipend-font, system-ui, sans-serif); color: var(--stipend-text, light-dark(#1b2126, #e6e9eb)); background: var(--stipend-background, transparent) }
:host([hidden]) { display: none }
* { margin: 0; padding: 0; font-size: inherit; overflow-wrap: anywhere }
section + section { margin-top: 1.25em; padding-top: 1.25em; border-top: 1px solid var(--line) }
h3, h4 { font-weight: 600 }
h4 { margin-top: 1em }
h4, .note { color: var(--stipend-quiet, light-dark(#59646d, #9ba6ae)); font-size: .875em }
strong { font-size: 1.8em; line-height: 1.3 }
strong.bad { color: var(--bad) }
.bar { height: .5em; margin: .375em 0; border-radius: var(--stipend-radius, .25em); overflow: hidden; background: var(--stipend-track, var(--line)) }
.fill { height: 100%; background: var(--stipend-accent, light-dark(#0f766e, #5fd0c3)) }
.fill.bad { background: var(--bad) }
li { display: flex; flex-wrap: wrap; gap: 0 1em; padding: .375em 0 }
li + li { border-top: 1px solid var(--line) }
li > :first-child { flex: 1 1 8em }
@media (forced-colors: active) { .bar { border: 1px solid } .fill { forced-color-adjust: none; background: CanvasText } }`);

// Parts are classes; texts stay texts.
const make = (tag, part, ...children) => {
  const element = document.createElement(tag);
  if (part) element.className = element.part = part;
  element.append(...children.filter((child) => child));
  return element;
};

class CreditBalance extends HTMLElement {
  static observedAttributes = ["token", "src", "lang"];
  #root = this.attachShadow({ mode: "open" });
  #asking;
  #queued;

  constructor() {
    super();
    this.#root.adoptedStyleSheets = [style];
  }

  connectedCallback() { this.#queue(); }
  disconnectedCallback() { this.#asking?.abort(); }
  attributeChangedCallback() { this.#queue(); }

  // Attributes set in a row are asked for once.
  #queue() {
    this.#queued ??= Promise.resolve().then(() => {
      this.#queued = null;
      if (this.isConnected) this.refresh();
    });
  }

  /** Asks for the credits again, and shows them. */
  async refresh() {
    this.#asking?.abort();
    const { signal } = this.#asking = new AbortController();
    const token = this.getAttribute("token");
    if (!token) return this.#say("No credits to show.");
    if (!this.#root.querySelector("section")) this.#say("Loading…");
    const src = this.getAttribute("src");
    try {
      const base = src ? `${src.replace(/\/*$/, "")}/embed/` : import.meta.url;
      const answer = await fetch(new URL("credit-balance.json", base), {
        signal, headers: { authorization: `Bearer ${token}` }, credentials: "omit",
        cache: "no-store", referrerPolicy: "no-referrer",
      });
      if (answer.ok) return this.#show((await answer.json()).data);
      if (answer.status !== 401) throw answer;
      this.#say("This view is not valid any more.");
      const way = { bubbles: true, composed: true };
      this.dispatchEvent(new CustomEvent("stipend-token-expired", way));
    } catch {
      if (!signal.aborted) this.#say("The credits cannot be shown now.");
    }
  }

  #say(text) {
    const message = make("p", "message note", text);
    message.role = "status";
    this.#root.replaceChildren(message);
  }

  #show({ balances, moreBalances, timeZone }) {
    if (!balances.length) return this.#say("No credits yet.");
    const lang = this.closest("[lang]")?.lang || undefined;
    // Formatted as texts, amounts lose no digit.
    const numbers = new Intl.NumberFormat(lang, { maximumFractionDigits: 9 });
    const days = new Intl.DateTimeFormat(lang, { dateStyle: "medium", timeZone });
    const number = (text) => numbers.format(text);
    const note = (...parts) => make("p", "note", ...parts);
    const more = (count) => (count ? note(`And ${count} more that are not shown.`) : "");
    const day = (at) => {
      const time = make("time", "", days.format(new Date(at)));
      time.dateTime = at;
      return time;
    };
    const grant = ({ displayName, remaining, amount, expireAt }) => make("li", "grant",
      make("span", "", displayName),
      make("span", "", `${number(remaining)} of ${number(amount)} left`),
      make("span", "note", expireAt ? "until " : "never expires", expireAt && day(expireAt)));
    const show = (one) => {
      const { currency: type, balance, granted, used, nextGrant: next, nextExpiry: end } = one;
      const unit = balance === "1" ? type.unitSingular : type.unitPlural;
      const bad = balance[0] === "-" ? " bad" : "";
      const text = `${number(used)} of ${number(granted)} used`;
      const fill = make("div", `fill${bad}`);
      fill.style.width = `${100 * (+granted ? Math.min(1, used / granted) : +used > 0)}%`;
      const bar = make("div", "bar", fill);
      bar.role = "img";
      bar.ariaLabel = text;
      return make("section", "balance",
        make("h3", "name", make("bdi", "", type.displayName), one.resourceId && ` · ${one.resourceId}`),
        make("p", "figure", make("strong", `amount${bad}`, number(balance)), " ", unit && make("bdi", "", unit), " left"),
        bar,
        note(text, +one.reserved && `, ${number(one.reserved)} of it reserved`,
          +one.overdraft && `, ${number(one.overdraft)} beyond what there was`),
        next && note(`${number(next.amount)} more come on `, day(next.at)),
        end && note(`${number(end.amount)} expire on `, day(end.at)),
        one.grants.length && make("h4", "", "Where they come from, first used first"),
        one.grants.length && make("ol", "grants", ...one.grants.map(grant)),
        more(one.moreGrants));
    };
    this.#root.replaceChildren(...balances.map(show), more(moreBalances));
  }
}

customElements.define("stipend-credit-balance", CreditBalance);
