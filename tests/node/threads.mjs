// LangGraph's thread protocol through its client for JavaScript: `node threads.mjs URL KEY` prints what it got as JSON.
import { Client } from "@langchain/langgraph-sdk";
import { StreamController } from "@langchain/langgraph-sdk/stream";

const [apiUrl, apiKey] = process.argv.slice(2);
const client = new Client({ apiUrl, apiKey, callerOptions: { maxRetries: 0 } });
const hi = { messages: [{ role: "human", content: "hi" }] };
const got = {};

async function all(stream) {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return parts;
}
async function until(what) {
  while (!what()) await new Promise((resolve) => setTimeout(resolve, 10));
}
async function refused(call) {
  try {
    await call();
    return 0;
  } catch (error) {
    return error.code ?? error.status ?? String(error);
  }
}

// a conversation: each projection of it, and all of them again for who comes late
const chat = client.threads.stream({ assistantId: "chat" });
const [messages, calls] = [all(chat.messages), all(chat.toolCalls)];
const started = await chat.run.start({ input: hi, metadata: { n: 1 } });
const output = await chat.output;
const replies = await Promise.all((await messages).map((one) => one.output));
got.chat = {
  run: (await client.runs.get(chat.threadId, started.run_id)).metadata.n,
  messages: output.messages.map((one) => one.type),
  replies: replies.map((one) => one.text),
  ids: replies.map((one) => one.id).join() === output.messages.filter((one) => one.type === "ai").map((one) => one.id).join(),
  usage: (await (await messages)[0].usage).total_tokens > 0,
  calls: await Promise.all((await calls).map(async (one) => [one.name, one.input, await one.output])),
};
const late = [];
for await (const part of await chat.subscribe({ channels: ["updates", "tasks", "checkpoints", "lifecycle"] })) {
  late.push(part);
  if (part.params.data.event === "completed") break;
}
got.late = late.map((one) => one.method);
got.rising = late.every((one, place) => place === 0 || one.seq > late[place - 1].seq);
got.tree = await refused(() => chat.agent.getTree());
got.state = Object.keys((await chat.state.get({ namespace: [] })).values);
got.checkpoints = (await chat.state.listCheckpoints({})).checkpoints.length;
got.inject = await refused(() => chat.input.inject({ namespace: [], message: { role: "user", content: "and?" } }));

// a second turn in the same thread
await chat.run.start({ input: hi });
await until(() => chat.ordering.lastSeenSeq > late.at(-1).seq);
await client.runs.join(chat.threadId, (await client.runs.list(chat.threadId))[0].run_id);
got.turns = (await client.threads.getState(chat.threadId)).values.messages.filter((one) => one.type === "human").length;
await chat.close();

// a question
const ask = client.threads.stream({ assistantId: "ask" });
await ask.run.start({ input: {} });
await until(() => ask.interrupted && ask.interrupts.length);
const [question] = ask.interrupts;
got.question = question.payload;
got.forged = await refused(() => ask.input.respond({ namespace: [], interrupt_id: "made-up", response: 1 }));
await ask.input.respond({ namespace: question.namespace, interrupt_id: question.interruptId, response: "blue" });
await client.runs.join(ask.threadId, (await client.runs.list(ask.threadId))[0].run_id);
got.answered = (await client.threads.getState(ask.threadId)).values;
await ask.close();

// what a page does: its hooks stand on a controller
const page = new StreamController({ client, assistantId: "chat" });
const snapshot = () => page.rootStore.getSnapshot();
// Its streams of ends and of messages are two: the end of a run may be heard before what it said.
const settled = (count) => until(() => snapshot().messages.length === count && snapshot().messages.at(-1).type === "ai");
await page.submit(hi);
await settled(4);
got.page = { messages: snapshot().messages.map((one) => one.type), error: snapshot().error, loading: snapshot().isLoading };
await page.submit(hi);
await settled(6);
got.page.turns = snapshot().messages.filter((one) => one.type === "human").length;
const threadId = snapshot().threadId;
const shown = snapshot().messages.length;
await page.dispose();
const again = new StreamController({ client, assistantId: "chat", threadId });
await again.hydrate(threadId);
await until(() => again.rootStore.getSnapshot().messages.length);
got.page.again = shown === again.rootStore.getSnapshot().messages.length;
await again.dispose();
const form = new StreamController({ client, assistantId: "ask" });
await form.submit({});
got.page.asked = form.rootStore.getSnapshot().interrupts.map((one) => one.value);
await form.respond("red");
await until(() => form.rootStore.getSnapshot().values?.said);
got.page.said = form.rootStore.getSnapshot().values.said;
await form.dispose();
const failing = new StreamController({ client, assistantId: "fail" });
await failing.submit({});
got.page.failed = String(failing.rootStore.getSnapshot().error);
await failing.dispose();
let hung;
const hanging = new StreamController({ client, assistantId: "hang", onCreated: ({ runId }) => (hung = runId) });
const waiting = hanging.submit({});
await until(() => hung);
await hanging.stop();
await waiting;
await client.runs.join(hanging.rootStore.getSnapshot().threadId, hung).catch(() => undefined);
got.page.stopped = (await client.runs.get(hanging.rootStore.getSnapshot().threadId, hung)).status;
await hanging.dispose();

const ui = await fetch(`${apiUrl}/ui/chat`, { method: "POST", body: "{}", headers: { "x-api-key": apiKey } });
got.ui = [ui.status, (await ui.json()).code];
console.log(JSON.stringify(got));
process.exit(0);
