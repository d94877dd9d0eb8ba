// Series as canvases: read from data-chart, drawn in the tokens' colours, redrawn when data, theme or room change.
/* global uPlot */
const root = document.documentElement;
const drawn = new Map(); // figure → its plot
const sync = uPlot.sync("page");
const AXIS = 11;
const GAP = 0.72; // how much of its room a bar fills
const COUNTS = [...Array(10).keys()].flatMap((power) => [1, 2, 5].map((one) => one * 10 ** power));

// A custom property that holds light-dark() comes back unresolved: let an element resolve it.
const probe = document.body.appendChild(document.createElement("i"));
probe.hidden = true;
const resolved = new Map();
function colour(token) {
  if (!resolved.has(token)) {
    probe.style.color = `var(--${token})`;
    resolved.set(token, getComputedStyle(probe).color);
  }
  return resolved.get(token);
}

const language = root.lang || "en";
const whole = new Intl.NumberFormat(language, { notation: "compact", maximumFractionDigits: 1 });
const plain = new Intl.NumberFormat(language, { maximumFractionDigits: 4 });
const units = {
  count: (value) => whole.format(value),
  money: (value) => `$${plain.format(value)}`,
  share: (value) => `${plain.format(value * 100)}%`,
  seconds: (value) => (value >= 120 ? `${plain.format(value / 60)} min` : `${plain.format(value)} s`),
};

// Each bar of a stack is drawn from 0 to the sum of all up to it, the highest first.
function columns(data) {
  const values = data.series.map((one) => one.values);
  if (data.shape !== "stack") return values;
  const sums = data.starts.map(() => 0);
  return values.map((row) => row.map((value, place) => (value === null ? null : (sums[place] += value)))).reverse();
}

const table = (data) => [data.starts, ...columns(data)];
const order = (data) => (data.shape === "stack" ? [...data.series].reverse() : data.series);

function series(data) {
  const bars = uPlot.paths.bars({ size: [GAP, 60], align: 1, gap: 0 });
  return order(data).map((one) => {
    const paint = () => colour(one.colour);
    if (data.shape === "lines") {
      const dash = one.dashed ? [4, 3] : undefined;
      return { label: one.label, stroke: paint, width: 1.5, dash, points: { show: alone, size: 4, fill: paint } };
    }
    return { label: one.label, fill: paint, stroke: paint, width: 0, paths: bars, points: { show: false } };
  });
}

// Values with a gap on both sides have no line: they are dots.
function alone(plot, place) {
  const values = plot.data[place];
  const found = [];
  values.forEach((value, at) => {
    if (value != null && values[at - 1] == null && values[at + 1] == null) found.push(at);
  });
  return found.length > 0 ? found : false;
}

function limit(plot, data) {
  if (!data.limit) return;
  const { ctx, bbox } = plot;
  const y = plot.valToPos(data.limit.value, "y", true);
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.strokeStyle = ctx.fillStyle = colour("err");
  ctx.lineWidth = 1.5 * ratio;
  ctx.setLineDash([4 * ratio, 3 * ratio]);
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
  ctx.font = font(ratio);
  ctx.textAlign = "right";
  ctx.textBaseline = y - bbox.top > 14 * ratio ? "bottom" : "top";
  ctx.fillText(data.limit.label, bbox.left + bbox.width, y);
  ctx.restore();
}

// What is not over is hatched.
function hatch(plot, data) {
  if (!data.partial || !data.starts.length) return;
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  const left = plot.valToPos(data.starts.at(-1), "x", true) - ratio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, bbox.top, bbox.left + bbox.width - left, bbox.height);
  ctx.clip();
  ctx.strokeStyle = colour(data.shape === "lines" ? "grid" : "surface");
  ctx.lineWidth = 1.5 * ratio;
  ctx.beginPath();
  for (let x = left - bbox.height; x < bbox.left + bbox.width; x += 5 * ratio) {
    ctx.moveTo(x, bbox.top + bbox.height);
    ctx.lineTo(x + bbox.height, bbox.top);
  }
  ctx.stroke();
  ctx.restore();
}

const font = (ratio = 1) => `${AXIS * ratio}px ${getComputedStyle(document.body).fontFamily}`;

function drag(plot, data) {
  if (!data.drag || plot.select.width < 4) return;
  const at = (left) => new Date(plot.posToVal(left, "x") * 1000).toISOString().slice(0, 16) + "Z";
  const address = new URL(location.href);
  address.searchParams.delete("period");
  address.searchParams.set("from", at(plot.select.left));
  address.searchParams.set("to", at(plot.select.left + plot.select.width));
  location.assign(address);
}

function options(figure, room) {
  const data = figure.data;
  const line = { stroke: () => colour("grid"), width: 1 };
  const axis = { stroke: () => colour("text-3"), font: font(), grid: line, ticks: { show: false } };
  const top = (plot, low, high) => {
    const most = Math.max(high ?? 0, figure.data.limit?.value ?? 0);
    return uPlot.rangeNum(0, most || 1, { min: { pad: 0, hard: 0, mode: 1 }, max: { pad: 0.08 } });
  };
  return {
    width: room.clientWidth,
    height: room.clientHeight,
    padding: [10, 4, 0, 0],
    legend: { show: false },
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), root.dataset.zone || "UTC"),
    cursor: { sync: { key: sync.key }, y: false, points: { show: false }, drag: { x: data.drag, y: false, setScale: false } },
    scales: {
      x: { range: () => [figure.data.starts[0] ?? 0, (figure.data.starts.at(-1) ?? 0) + figure.data.step] },
      y: { range: top },
    },
    axes: [
      { ...axis, size: 24, gap: 4, space: 64, values: times(figure) },
      { ...axis, size: 48, gap: 6, space: 28, values: (plot, ticks) => ticks.map(units[data.unit]), incrs: data.unit === "count" ? COUNTS : undefined },
    ],
    series: [{}, ...series(data)],
    hooks: {
      draw: [(plot) => hatch(plot, figure.data), (plot) => limit(plot, figure.data)],
      setSelect: [(plot) => drag(plot, figure.data)],
    },
  };
}

function times(figure) {
  const zone = root.dataset.zone || "UTC";
  const hour = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, hour: "2-digit", minute: "2-digit" });
  const day = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, month: "2-digit", day: "2-digit" });
  return (plot, ticks, _axis, _space, step) => {
    let before = "";
    return ticks.map((tick) => {
      const at = new Date(tick * 1000);
      const date = day.format(at);
      const time = hour.format(at);
      const said = step >= 86400 || (time === "00:00" && date !== before) ? date : time;
      before = date;
      return said;
    });
  };
}

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
  const figure = { data };
  const plot = new uPlot(options(figure, room), table(data), room);
  drawn.set(element, { figure, plot, series: data.series.length });
  sizes.observe(room);
}

const sizes = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const plot = drawn.get(target.closest("[data-chart]"))?.plot;
    if (plot && target.clientWidth) plot.setSize({ width: target.clientWidth, height: target.clientHeight });
  }
});

function repaint() {
  resolved.clear();
  for (const { plot } of drawn.values()) plot.redraw(false);
}

const fresh = () => document.querySelectorAll("[data-chart]").forEach((one) => drawn.has(one) || draw(one));
fresh();
// Whoever changes the data, by whatever means, has it drawn; what has left the page is forgotten.
new MutationObserver((changes) => {
  for (const [element, { plot }] of drawn) if (!element.isConnected) (plot.destroy(), drawn.delete(element));
  for (const one of changes) if (one.type === "attributes") draw(one.target);
  fresh();
}).observe(document.getElementById("main"), { subtree: true, childList: true, attributeFilter: ["data-chart"] });
new MutationObserver(repaint).observe(root, { attributeFilter: ["data-theme"] });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
