// Single keys. Off while typing and during composition, off with Ctrl, Alt and Meta; the reader can switch them off.
import { mark } from "./marking.js";
import { turnTheme } from "./reader.js";

const OFF = "fairlead-keys-off";
const help = document.getElementById("help");
const button = document.getElementById("keys-off");
const off = () => localStorage.getItem(OFF) === "1";
const label = () => (button.textContent = off() ? button.dataset.on : button.dataset.off);

label();
button.addEventListener("click", () => {
  localStorage.setItem(OFF, off() ? "0" : "1");
  label();
});

const rows = () => [...document.querySelectorAll(".row-link")].filter((link) => link.offsetParent !== null);

function step(by, only = () => true) {
  const links = rows().filter(only);
  if (!links.length) return;
  const here = links.indexOf(document.activeElement);
  const selected = links.findIndex((link) => link.closest(".selected"));
  const from = here >= 0 ? here : selected;
  const next = links[Math.min(Math.max(from + by, 0), links.length - 1)];
  next.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
}

function escape() {
  if (help.matches(":popover-open")) return help.hidePopover();
  document.querySelector("#pane .close")?.click();
}

const follow = (rel) => document.querySelector(`a[rel="${rel}"]`)?.click();
const failed = (link) => link.closest("[data-failed]");
const acts = {
  "/": () => document.getElementById("search")?.focus(),
  "?": () => help.togglePopover(),
  j: () => step(1),
  k: () => step(-1),
  e: () => step(1, failed),
  o: () => document.activeElement.closest(".row-link")?.click(),
  x: () => mark(document.activeElement.closest("tr"), false),
  X: () => mark(document.activeElement.closest("tr"), true),
  "[": () => follow("next"),
  "]": () => follow("prev"),
  t: turnTheme,
  ".": () => document.dispatchEvent(new CustomEvent("fairlead:pause")),
  Escape: escape,
};

let going = 0;
document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.ctrlKey || event.altKey || event.metaKey || off()) return;
  if (event.target.closest("input, textarea, select, [contenteditable]")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (document.querySelector("dialog[open]")) return;
  if (Date.now() - going < 1500) {
    going = 0;
    document.querySelector(`#places [data-key="${CSS.escape(event.key)}"]`)?.click();
    return;
  }
  if (event.key === "g") going = Date.now();
  else if (acts[event.key]) {
    event.preventDefault();
    acts[event.key]();
  }
});
