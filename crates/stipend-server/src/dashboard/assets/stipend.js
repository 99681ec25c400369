// What makes the pages smoother. Every page works without it.

/** An id out of a name: small letters, digits and dashes. */
function slug(prefix, name) {
  const plain = name.normalize("NFKD").replace(/[\u0300-\u036f]/g, "").toLowerCase();
  const words = plain.replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "");
  return words ? (prefix + words).slice(0, 255) : "";
}

/** An id follows the name of its thing until somebody types one. */
function follow(field) {
  const source = document.getElementById(field.dataset.slugOf);
  if (!source || field.readOnly) return;
  const make = () => slug(field.dataset.slugPrefix ?? "", source.value);
  let chosen = field.value !== "" && field.value !== make();
  field.addEventListener("input", () => { chosen = field.value !== ""; });
  source.addEventListener("input", () => { if (!chosen) field.value = make(); });
}

/** A form is sent once, however often its button is clicked. */
function once(form) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
  });
  window.addEventListener("pageshow", () => { delete form.dataset.sent; });
}

/** Parts of a page that say what a form would do are fetched again while it is filled in. */
function live(form) {
  let timer, controller;
  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      controller?.abort();
      controller = new AbortController();
      const fields = new URLSearchParams(new FormData(form));
      fields.delete("_token");
      try {
        const answer = await fetch(`${form.dataset.live}?${fields}`, { signal: controller.signal });
        if (!answer.ok || answer.redirected) return;
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        for (const part of page.querySelectorAll("[id]")) {
          document.getElementById(part.id)?.replaceChildren(...part.childNodes);
        }
      } catch { /* The page stays as it was. */ }
    }, 200);
  });
}

/** A button that copies a text. */
function copy(button) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = "Copied";
  });
}

/** A menu closes when something else is clicked, or with Escape. */
function closing(menu) {
  document.addEventListener("click", (event) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
}

document.querySelectorAll("[data-slug-of]").forEach(follow);
document.querySelectorAll("form[method=post]").forEach(once);
document.querySelectorAll("form[data-live]").forEach(live);
document.querySelectorAll("[data-copy]").forEach(copy);
document.querySelectorAll("details.switch").forEach(closing);
document.querySelector("[aria-invalid=true]")?.focus();
