// Series as canvases: read from data-chart, redrawn when data, theme or room change.
/* global uPlot */
import { forgetColours, options, table } from "./plot.js";

const root = document.documentElement;
const drawn = new Map(); // figure → its plot

function draw(element) {
  const room = element.querySelector(".plot-room");
  if (!room) return;
  const data = JSON.parse(element.dataset.chart);
  const known = drawn.get(element);
  if (known?.series === data.series.length && room.contains(known.plot.root)) {
    known.figure.data = data;
    known.plot.setData(table(data));
    return;
  }
  known?.plot.destroy();
  room.replaceChildren();
  const figure = { data };
  drawn.set(element, { figure, plot: new uPlot(options(figure, room), table(data), room), series: data.series.length });
  sizes.observe(room);
}

const sizes = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const plot = drawn.get(target.closest("[data-chart]"))?.plot;
    const { clientWidth: width, clientHeight: height } = target;
    if (plot && width && (plot.width !== width || plot.height !== height)) plot.setSize({ width, height });
  }
});

// Once the page is painted, and each by itself: all together would keep the reader from whatever else he does.
const waiting = new Set();
function queue(element) {
  if (!waiting.size) requestAnimationFrame(() => setTimeout(next));
  waiting.add(element);
}
function next() {
  const [element] = waiting;
  waiting.delete(element);
  if (element.isConnected) draw(element);
  if (waiting.size) setTimeout(next);
}

function repaint() {
  forgetColours();
  for (const { plot } of drawn.values()) plot.redraw(false);
}

const fresh = () => document.querySelectorAll("[data-chart]").forEach((one) => drawn.has(one) || queue(one));
fresh();
// Whoever changes the data, by whatever means, has it drawn; what has left the page is forgotten.
new MutationObserver((changes) => {
  for (const [element, { plot }] of drawn) if (!element.isConnected) (plot.destroy(), drawn.delete(element));
  for (const one of changes) if (one.type === "attributes") queue(one.target);
  fresh();
}).observe(document.getElementById("main"), { subtree: true, childList: true, attributeFilter: ["data-chart"] });
new MutationObserver(repaint).observe(root, { attributeFilter: ["data-theme"] });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
