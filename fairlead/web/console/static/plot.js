// How a chart is painted: its bars, lines and axes, in the tokens' colours.
/* global uPlot */
import { say } from "./reader.js";

const root = document.documentElement;
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
  seconds: (value) => (value >= 120 ? say("min", { n: plain.format(value / 60) }) : say("s", { n: plain.format(value) })),
};

// Each bar of a stack is drawn from 0 to the sum of all up to it, the highest first.
function columns(data) {
  const values = data.series.map((one) => one.values);
  if (data.shape !== "stack") return values;
  const sums = data.starts.map(() => 0);
  return values.map((row) => row.map((value, place) => (value === null ? null : (sums[place] += value)))).reverse();
}

export const table = (data) => [data.starts, ...columns(data)];
const order = (data) => (data.shape === "stack" ? [...data.series].reverse() : data.series);

function series(data) {
  const bars = uPlot.paths.bars({ size: [GAP, 60], align: 1, gap: 0 });
  return order(data).map((one) => {
    const paint = () => colour(one.colour);
    if (data.shape === "lines") {
      const dash = one.dashed ? [4, 3] : undefined;
      return { label: one.label, stroke: paint, width: 1.5, dash, points: { show: true, filter: alone, size: 4, fill: paint } };
    }
    return { label: one.label, fill: paint, stroke: paint, width: 0, paths: bars, points: { show: false } };
  });
}

// Values with a gap on both sides have no line: they are dots.
function alone(plot, place) {
  const values = plot.data[place];
  const found = values.flatMap((one, at) => (one != null && values[at - 1] == null && values[at + 1] == null ? [at] : []));
  return found;
}

function limit(plot, data) {
  if (!data.limit) return;
  const { ctx, bbox } = plot, ratio = devicePixelRatio;
  const y = plot.valToPos(data.limit.value, "y", true), right = bbox.left + bbox.width;
  ctx.save();
  ctx.strokeStyle = ctx.fillStyle = colour("err");
  ctx.lineWidth = 1.5 * ratio;
  ctx.setLineDash([4 * ratio, 3 * ratio]);
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(right, y);
  ctx.stroke();
  ctx.font = font(ratio);
  ctx.textAlign = "right";
  const above = y - bbox.top > 14 * ratio;
  ctx.textBaseline = above ? "bottom" : "top";
  // What is drawn behind the label does not run through it.
  ctx.setLineDash([]);
  ctx.lineWidth = 4 * ratio;
  ctx.lineJoin = "round";
  ctx.strokeStyle = colour("surface");
  ctx.strokeText(data.limit.label, right, y + (above ? -4 : 4) * ratio);
  ctx.fillText(data.limit.label, right, y + (above ? -4 : 4) * ratio);
  ctx.restore();
}

// What is not over is hatched.
function hatch(plot, data) {
  if (!data.partial || !data.starts.length) return;
  const { ctx, bbox } = plot, ratio = devicePixelRatio;
  const last = plot.data[1].at(-1);
  if (last == null) return;
  const left = plot.valToPos(data.starts.at(-1), "x", true) - ratio;
  const top = data.shape === "lines" ? bbox.top : plot.valToPos(last, "y", true);
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, bbox.left + bbox.width - left, bbox.top + bbox.height - top);
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

export const forgetColours = () => resolved.clear();

// What is under the cursor, in words; of a stack each by itself, in the order of reading.
function read(plot, figure, said) {
  const { data } = figure;
  const at = plot.cursor.idx;
  said.hidden = at == null || plot.cursor.left < 0;
  if (said.hidden) return;
  const zone = { timeZone: root.dataset.zone || "UTC", dateStyle: "short", timeStyle: "short" };
  const values = data.series.map((one) => `${one.label} ${one.values[at] == null ? "—" : units[data.unit](one.values[at])}`);
  said.textContent = [new Date(data.starts[at] * 1000).toLocaleString("sv-SE", zone), ...values].join(" · ");
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

export function options(figure, room) {
  const data = figure.data;
  const said = room.appendChild(Object.assign(document.createElement("p"), { className: "readout", hidden: true }));
  const line = { stroke: () => colour("grid"), width: 1 };
  const axis = { stroke: () => colour("text-3"), font: font(), grid: line, ticks: { show: false } };
  const top = (plot, low, high) => {
    const most = Math.max(high ?? 0, figure.data.limit?.value ?? 0);
    return uPlot.rangeNum(0, most || 1, { min: { pad: 0, hard: 0, mode: 1 }, max: { pad: 0.08 } });
  };
  return {
    width: room.clientWidth,
    height: room.clientHeight,
    padding: [10, 16, 0, 0],
    legend: { show: false },
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), root.dataset.zone || "UTC"),
    cursor: { sync: { key: sync.key }, y: false, points: { show: false }, drag: { x: data.drag, y: false, setScale: false } },
    scales: {
      x: { range: () => [figure.data.starts[0] ?? 0, (figure.data.starts.at(-1) ?? 0) + figure.data.step] },
      y: { range: top },
    },
    axes: [
      { ...axis, size: 28, gap: 8, space: 64, values: times(figure) },
      { ...axis, size: wide, gap: 6, space: 28, values: (plot, ticks) => ticks.map(units[data.unit]), incrs: data.unit === "count" ? COUNTS : undefined },
    ],
    series: [{}, ...series(data)],
    hooks: {
      draw: [(plot) => hatch(plot, figure.data), (plot) => limit(plot, figure.data)],
      setSelect: [(plot) => drag(plot, figure.data)],
      setCursor: [(plot) => read(plot, figure, said)],
    },
  };
}

// As wide as its longest label needs.
function wide(plot, labels) {
  plot.ctx.font = font(devicePixelRatio);
  const longest = Math.max(0, ...(labels ?? []).map((one) => plot.ctx.measureText(one).width));
  return Math.max(48, Math.ceil(longest / devicePixelRatio) + 8);
}

function times(figure) {
  const zone = root.dataset.zone || "UTC";
  const hour = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, hour: "2-digit", minute: "2-digit" });
  const day = new Intl.DateTimeFormat("sv-SE", { timeZone: zone });
  return (plot, ticks, _axis, _space, step) => {
    let before = "";
    return ticks.map((tick) => {
      const at = new Date(tick * 1000);
      const date = day.format(at).slice(5);
      const time = hour.format(at);
      const said = step >= 86400 || (time === "00:00" && date !== before) ? date : time;
      before = date;
      return said;
    });
  };
}
