// The mark that says how fresh the page is: live, catching up, stale since, paused, ended.
import { words } from "./reader.js";

const mark = document.getElementById("live-mark");
const stream = document.getElementById("stream");
let connection = null;
let paused = false;
let last = null;

const time = (date) => date.toLocaleTimeString("sv-SE", { timeZone: document.documentElement.dataset.zone });

function show(state, text) {
  if (!mark) return;
  mark.dataset.state = state;
  mark.lastElementChild.textContent = text;
}

function stale() {
  if (!paused) show("stale", words.stale.replace("%(time)s", time(last ?? new Date())));
}

if (stream) {
  stream.addEventListener("htmx:sse:before:connection", (event) => {
    connection = event.detail.connection;
    if (paused) event.detail.connection.cancelled = true;
  });
  stream.addEventListener("htmx:sse:after:connection", () => show("catching", words.catching));
  stream.addEventListener("htmx:sse:after:message", () => {
    last = new Date();
    show("live", `${words.live} · ${time(last)}`);
  });
  stream.addEventListener("htmx:sse:error", (event) => {
    if (event.detail.status === 401) location.reload(); // the session has ended: a page leads to where one signs in
    else stale();
  });
  stream.addEventListener("htmx:error", stale);
  stream.addEventListener("htmx:sse:close", (event) => {
    if (paused) show("off", words.off);
    else if (event.detail.reason === "message") show("off", words.ended);
    else stale();
  });
  document.addEventListener("fairlead:pause", () => {
    paused = !paused;
    if (paused) {
      show("off", words.off);
      connection?.reader?.cancel();
    } else {
      show("catching", words.catching);
      htmx.ajax("GET", stream.getAttribute("hx-sse:connect"), { source: stream });
    }
  });
}
