// The official client of Anthropic against /v1: `node anthropic.mjs URL KEY` prints what it got as JSON.
import Anthropic from "@anthropic-ai/sdk";

const [url, apiKey] = process.argv.slice(2);
const client = new Anthropic({ baseURL: url, apiKey });
const model = "sim/test";
const asked = { model, max_tokens: 100, messages: [{ role: "user", content: "hello" }] };
const input_schema = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const tools = [{ name: "look", input_schema }];

const whole = await client.messages.create(asked);

const pieces = [];
for await (const event of await client.messages.create({ ...asked, stream: true })) {
  if (event.type === "content_block_delta") pieces.push(event.delta.text);
}

const streamed = await client.messages.stream({ ...asked, tools }).finalMessage();
const call = streamed.content.find((block) => block.type === "tool_use");
const result = { type: "tool_result", tool_use_id: call.id, content: "sunny" };
const after = await client.messages.create({
  ...asked,
  tools,
  messages: [...asked.messages, { role: "assistant", content: streamed.content }, { role: "user", content: [result] }],
});

const { input_tokens } = await client.messages.countTokens({ model, messages: asked.messages });
const models = [];
for await (const one of client.models.list()) models.push(one.id);

const errors = {};
const failing = {
  unknown: () => client.messages.create({ ...asked, model: "nobody/x" }),
  key: () => new Anthropic({ baseURL: url, apiKey: "wrong" }).messages.create(asked),
  broken: () => client.messages.create({ ...asked, model: "bad/test" }),
  brokenStream: () => client.messages.stream({ ...asked, model: "bad/test" }).finalMessage(),
};
for (const [name, ask] of Object.entries(failing)) {
  try {
    await ask();
    errors[name] = "nothing was thrown";
  } catch (error) {
    errors[name] = { kind: error.constructor.name, status: error.status ?? null, type: error.type ?? null };
  }
}

console.log(
  JSON.stringify({
    whole: whole.content[0].text,
    pieces: pieces.join(""),
    call: { name: call.name, input: call.input },
    after: after.content[0].text,
    input_tokens,
    models,
    errors,
  }),
);
