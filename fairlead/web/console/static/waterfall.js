// What grows while one looks: the open bars, the line of now, and every time that still runs. Once a second, no more.
import { say } from "./reader.js";

const begun = new WeakMap(); // element → [what the server said, when it said it]
const elapsed = (element, said) => {
  const known = begun.get(element);
  if (!known || known[0] !== said) begun.set(element, [said, performance.now()]);
  return (performance.now() - begun.get(element)[1]) / 1000;
};

function told(seconds, coarse) {
  if (seconds < 9.995 && !coarse) return say("s", { n: seconds.toFixed(2) });
  if (seconds < 60) return say("s", { n: coarse ? Math.floor(seconds) : seconds.toFixed(1) });
  const whole = Math.floor(seconds);
  if (whole < 3600) return coarse ? say("min", { n: Math.floor(whole / 60) }) : say("min_s", { min: Math.floor(whole / 60), s: whole % 60 });
  return say("h_min", { h: Math.floor(whole / 3600), min: Math.floor((whole % 3600) / 60) });
}

function grow(chart) {
  const now = Number(chart.dataset.now);
  const x = Math.min(99.6, now + elapsed(chart, chart.dataset.now) * Number(chart.dataset.speed));
  const line = chart.querySelector("#wf-now");
  line?.setAttribute("x1", `${x}%`);
  line?.setAttribute("x2", `${x}%`);
  for (const bar of chart.querySelectorAll(".b-open")) {
    if (bar.tagName === "line") bar.setAttribute("x2", `${x}%`);
    else bar.setAttribute("width", `${Math.max(0.6, x - parseFloat(bar.getAttribute("x")))}%`);
  }
}

function tick() {
  if (document.hidden) return;
  const chart = document.querySelector("#waterfall[data-now]");
  if (chart) grow(chart);
  for (const element of document.querySelectorAll("[data-since]")) {
    const seconds = Number(element.dataset.since) + elapsed(element, element.dataset.since);
    element.textContent = told(seconds, "coarse" in element.dataset);
  }
}

setInterval(tick, 1000);

// The row whose step is in the pane is marked here, for the pane alone was fetched.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[hx-target='#pane']");
  if (!link) return;
  for (const row of document.querySelectorAll(".w-row.selected")) row.classList.remove("selected");
  const same = [...document.querySelectorAll(".w-row .row-link")].find((one) => one.getAttribute("href") === link.getAttribute("href"));
  same?.closest(".w-row").classList.add("selected");
  lastOpened = link;
});

let lastOpened = null;
document.addEventListener("htmx:after:swap", (event) => {
  const source = event.target;
  if (!source.matches?.("a[hx-target='#pane']") && source.id !== "pane") return;
  const pane = document.getElementById("pane");
  if (pane.querySelector(".close")) pane.focus({ preventScroll: matchMedia("(min-width: 60rem)").matches });
  else lastOpened?.focus({ preventScroll: true });
});
