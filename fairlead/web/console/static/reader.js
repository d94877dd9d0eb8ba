// What the page cannot know before the browser says it: the reader's zone; and the few things a page does by itself.

const root = document.documentElement;
export const words = JSON.parse(document.getElementById("words").textContent);
export const say = (word, places) => words[word].replace(/%\((\w+)\)s/g, (_, name) => places[name]);

function keep(name, value) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `${name}=${encodeURIComponent(value)}; Path=/; Max-Age=31536000; SameSite=Strict${secure}`;
}

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone && zone !== root.dataset.zone && sessionStorage.getItem("zone") !== zone) {
  sessionStorage.setItem("zone", zone); // once: a zone the server does not know must not reload for ever
  keep("fairlead_zone", zone);
  location.reload();
}

export function turnTheme() {
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  keep("fairlead_theme", root.dataset.theme);
}

document.getElementById("theme")?.addEventListener("click", (event) => {
  event.preventDefault();
  turnTheme();
});

// On a narrow screen the chosen one of a row of tabs may be out of sight.
for (const row of document.querySelectorAll(".tabs, .statuses")) {
  const chosen = row.querySelector("[aria-current]")?.getBoundingClientRect();
  const seen = row.getBoundingClientRect();
  if (chosen && chosen.right > seen.right) row.scrollLeft += chosen.right - seen.right + seen.width / 4;
}

const dialog = document.getElementById("dialog");
document.addEventListener("htmx:after:swap", () => {
  if (dialog.firstElementChild && !dialog.open) dialog.showModal();
});
dialog.addEventListener("close", () => dialog.replaceChildren());
dialog.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close();
});

document.addEventListener("click", async (event) => {
  const close = event.target.closest("[data-close]");
  if (close && dialog.open) {
    event.preventDefault();
    dialog.close();
  }
  const copy = event.target.closest("[data-copy]");
  if (copy) {
    await navigator.clipboard.writeText(copy.closest("section").querySelector("pre").textContent);
    const before = copy.textContent;
    copy.textContent = words.copied;
    setTimeout(() => (copy.textContent = before), 1500);
  }
});
