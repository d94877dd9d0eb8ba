// The official client of OpenAI against /v1: `node openai.mjs URL KEY` prints what it got as JSON.
import OpenAI from "openai";

const [url, apiKey] = process.argv.slice(2);
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey });
const model = "sim/test";
const messages = [{ role: "user", content: "hello" }];
const parameters = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const tools = [{ type: "function", function: { name: "look", parameters } }];

const whole = await client.chat.completions.create({ model, messages });

const pieces = [];
for await (const chunk of await client.chat.completions.create({ model, messages, stream: true })) {
  pieces.push(chunk.choices[0].delta.content ?? "");
}

const streamed = await client.chat.completions.stream({ model, messages, tools }).finalChatCompletion();
const call = streamed.choices[0].message.tool_calls[0];
const after = await client.chat.completions.create({
  model,
  tools,
  messages: [...messages, streamed.choices[0].message, { role: "tool", tool_call_id: call.id, content: "sunny" }],
});

const response = await client.responses.create({ model, input: "hello" });
const final = await client.responses.stream({ model, input: "hello" }).finalResponse();

const models = [];
for await (const one of client.models.list()) models.push(one.id);

const errors = {};
const failing = {
  unknown: () => client.chat.completions.create({ model: "nobody/x", messages }),
  key: () => new OpenAI({ baseURL: `${url}/v1`, apiKey: "wrong" }).models.list(),
  broken: () => client.chat.completions.create({ model: "bad/test", messages }),
  brokenStream: async () => {
    for await (const _ of await client.chat.completions.create({ model: "bad/test", messages, stream: true }));
  },
};
for (const [name, ask] of Object.entries(failing)) {
  try {
    await ask();
    errors[name] = "nothing was thrown";
  } catch (error) {
    errors[name] = { kind: error.constructor.name, status: error.status ?? null, code: error.code ?? null };
  }
}

console.log(
  JSON.stringify({
    whole: whole.choices[0].message.content,
    pieces: pieces.join(""),
    call: { name: call.function.name, arguments: JSON.parse(call.function.arguments) },
    after: after.choices[0].message.content,
    response: response.output_text,
    final: final.output_text,
    models,
    errors,
  }),
);
