// LangGraph's client for JavaScript, unchanged: `node langgraph.mjs URL KEY RECEIVER` prints what it got as JSON.
import { Client } from "@langchain/langgraph-sdk";

const [apiUrl, apiKey, receiver] = process.argv.slice(2);
const client = new Client({ apiUrl, apiKey, callerOptions: { maxRetries: 0 } });
const { assistants, threads, runs, crons, store } = client;
const hi = { messages: [{ role: "human", content: "hi" }] };
const got = { errors: {} };

async function all(stream) {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return parts;
}
async function status(name, call) {
  try {
    await call();
    got.errors[name] = 0;
  } catch (error) {
    got.errors[name] = error.status ?? String(error);
  }
}

// assistants
const made = await assistants.create({ graphId: "chat", name: "mine", config: {}, metadata: { of: "node" } });
const id = made.assistant_id;
await assistants.update(id, { name: "ours" });
got.assistants = {
  found: (await assistants.search({ metadata: { of: "node" } })).map((one) => one.name),
  paged: (await assistants.search({ graphId: "chat", includePagination: true })).assistants.length,
  count: await assistants.count({ graphId: "chat" }),
  same: (await assistants.get(id)).assistant_id === id,
  schemas: Object.keys(await assistants.getSchemas(id)).length > 0,
  nodes: (await assistants.getGraph(id)).nodes.length > 0,
  subgraphs: await assistants.getSubgraphs(id),
  versions: (await assistants.getVersions(id)).map((one) => one.version),
  latest: (await assistants.setLatest(id, 1)).name,
};
await assistants.delete(id);
await status("assistant", () => assistants.get(id));

// threads and runs
const thread = await threads.create({ metadata: { of: "node" } });
const t = thread.thread_id;
const modes = ["values", "updates", "messages", "messages-tuple", "events", "tasks", "checkpoints", "custom", "debug"];
const told = await all(runs.stream(t, "chat", { input: hi, streamMode: modes }));
got.stream = {
  events: [...new Set(told.map((part) => part.event))],
  pieces: told.filter((part) => part.event === "messages").length,
  ids: told.filter((part) => part.id).length > 0,
};
const runId = told[0].data.run_id;
const half = told.filter((part) => part.id)[2].id;
const whole = await all(runs.joinStream(t, runId, { streamMode: modes }));
const rest = await all(runs.joinStream(t, runId, { streamMode: modes, lastEventId: half }));
const named = (parts) => parts.filter((part) => part.id).map((part) => part.id);
got.rejoined = JSON.stringify(named(rest)) === JSON.stringify(named(whole).slice(named(whole).indexOf(half) + 1));
got.wait = (await runs.wait(t, "chat", { input: hi })).messages.length;
got.runs = (await runs.list(t)).length;
got.run = (await runs.get(t, runId)).status;
got.join = (await runs.join(t, runId)).messages.length;
got.threads = {
  found: (await threads.search({ metadata: { of: "node" } })).length,
  count: await threads.count({ metadata: { of: "node" } }),
  status: (await threads.get(t)).status,
  history: (await threads.getHistory(t)).length,
};
await threads.update(t, { metadata: { more: 1 } });
await threads.patchState(t, { patched: true });
got.metadata = (({ of, more, patched }) => [of, more, patched])((await threads.get(t)).metadata);
const state = await threads.getState(t);
got.checkpoint = (await threads.getState(t, state.checkpoint)).values.messages.length;
await threads.updateState(t, { values: { messages: [{ role: "human", content: "written" }] } });
got.copied = (await threads.getState((await threads.copy(t)).thread_id)).values.messages.length;
const earlier = (await threads.getHistory(t)).at(-1).checkpoint;
got.forked = (await runs.wait(t, "chat", { input: hi, checkpoint: earlier })).messages.length;

// ways to start, wait and stop
got.batch = (await runs.createBatch([{ assistantId: "chat", input: hi }, { assistantId: "chat", input: hi }])).length;
got.stateless = (await runs.wait(null, "chat", { input: hi })).messages.length;
const held = await runs.create(t, "hang", { input: {}, onDisconnect: "continue", metadata: { n: 1 } });
await status("reject", () => runs.create(t, "hang", { input: {}, multitaskStrategy: "reject" }));
const next = await runs.create(t, "hang", { input: {}, multitaskStrategy: "interrupt" });
got.displaced = (await runs.join(t, held.run_id), await runs.get(t, held.run_id)).status;
const last = await runs.create(t, "hang", { input: {}, multitaskStrategy: "rollback" });
const queued = await runs.create(t, "chat", { input: hi, multitaskStrategy: "enqueue" });
await runs.cancel(t, last.run_id, true);
await runs.join(t, queued.run_id);
got.queued = (await runs.get(t, queued.run_id)).status;
await runs.delete(t, queued.run_id);
await status("deleted", () => runs.get(t, queued.run_id));
const later = await runs.create(t, "chat", { input: hi, afterSeconds: 3600, webhook: "https://example.com/told" });
got.later = later.status;
await runs.cancel(t, later.run_id);

// who goes away, and who is told by webhook
got.gone = {};
for (const onDisconnect of ["cancel", "continue"]) {
  const going = new AbortController();
  let left = "";
  try {
    for await (const part of runs.stream(null, "hang", { input: {}, onDisconnect, signal: going.signal })) {
      left = part.data.run_id;
      going.abort();
    }
  } catch (error) {
    if (error.name !== "AbortError") throw error;
  }
  got.gone[onDisconnect] = left;
}
const hooked = await runs.create(t, "chat", { input: hi, webhook: receiver });
await runs.join(t, hooked.run_id);
got.hooked = hooked.run_id;

// interrupts
const asked = (await threads.create()).thread_id;
got.interrupt = (await runs.wait(asked, "ask", { input: {} })).__interrupt__.map((one) => one.value);
got.waiting = (await threads.get(asked)).status;
got.resumed = (await runs.wait(asked, "ask", { command: { resume: "blue" } })).output;

// the thread's own stream
const leaving = new AbortController();
const followed = threads.joinStream(t, { lastEventId: `${runId}:1`, streamMode: "lifecycle", signal: leaving.signal });
for await (const part of followed) {
  got.followed = [part.data.run_id === runId, part.data.status];
  leaving.abort();
  break;
}

// crons and the store
const cron = await crons.create("chat", { schedule: "0 0 1 1 *", input: hi });
await crons.update(cron.cron_id, { schedule: "0 0 2 1 *" });
got.crons = [(await crons.search({ assistantId: cron.assistant_id })).length, await crons.count()];
await crons.createForThread(t, "chat", { schedule: "0 0 1 1 *", input: hi });
await crons.delete(cron.cron_id);
await store.putItem(["node", "x"], "key", { a: 1 });
got.item = (await store.getItem(["node", "x"], "key")).value;
got.items = (await store.searchItems(["node"])).items.length;
got.namespaces = (await store.listNamespaces({ prefix: ["node"] })).namespaces;
await store.deleteItem(["node", "x"], "key");
await threads.delete(asked);
await status("thread", () => threads.get(asked));
await status("agent", () => runs.create(t, "nobody", { input: {} }));

console.log(JSON.stringify(got));
