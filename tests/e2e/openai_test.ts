/** OpenAI's API, with the real client. */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { until } from "./support/limits.ts";
import { imports } from "./support/needs.ts";
import { echo, py, type Sandbox, test, TOOLS } from "./support/sandbox.ts";
import { Server } from "./support/server.ts";

const CLIENT = `${TOOLS}/python`;

/** Repeats words; some of them make it fail. */
const REPEAT = py`
  from aimodellib.openai import Api, ApiError, Finish

  def load(model_dir):
      return None

  def words(messages, max_tokens):
      for count, word in enumerate(messages[-1]["content"].split()):
          if word == "long":
              raise ApiError("too long", param="messages", code="context_length_exceeded")
          if word == "busy":
              raise ApiError("later", status=429)
          if word == "break":
              raise RuntimeError("it broke")
          if count == max_tokens:
              yield Finish("length")
              return
          yield word + " "
`;

const SYNC = REPEAT + py`

  def chat(messages, model, max_tokens=None):
      yield from words(messages, max_tokens)

  def embed(texts, model):
      return [[float(len(text)), 0.1] for text in texts]

  api = Api(load, chat=chat, embed=embed)
`;

const ASYNC = REPEAT + py`

  async def chat(messages, model, max_tokens=None):
      for piece in words(messages, max_tokens):
          yield piece

  api = Api(load, chat=chat)
`;

/** Runs a client against a server, with `client` and `ask(model, text)`; returns the lines that it prints. */
async function run(box: Sandbox, server: Server, script: string): Promise<string[]> {
  const head = py`
    import asyncio, openai, sys
    about = {"base_url": sys.argv[1] + "/v1", "api_key": "secret-of-the-test", "max_retries": 0}
    client = openai.OpenAI(**about)

    def ask(model, text, client=client, **more):
        return client.chat.completions.create(model=model, messages=[{"role": "user", "content": text}], **more)

    def fail(function):
        try:
            function()
            print("no error")
        except openai.APIError as error:
            print(type(error).__name__, error.param, error.code, error.message)
  `;
  const { code, stdout, stderr } = await box.run(["-c", `${head}\n${script}`, server.url], { command: CLIENT });
  assert.equal(code, 0, stderr);
  return stdout.trimEnd().split("\n");
}

test("OpenAI's client chats, streams and embeds, and raises its own errors", async (box) => {
  Deno.mkdirSync(box.path("model"));
  const words = Object.entries({ one: SYNC, two: ASYNC, plain: echo() }).flatMap(([name, script]) => [
    "--model",
    `${name}=${box.module({ "serve.py": script }, name)},serve.py,${box.path("model")}`,
  ]);
  Deno.writeTextFileSync(box.path("tokens"), "secret-of-the-test\n", { mode: 0o600 });
  const program = box.start(["serve", "--port", "0", "--token-file", box.path("tokens"), ...words]);
  const server = await Server.attach(program, false);
  await Server.untilReady(program, "one", "two", "plain");

  // One client for answers and errors: it takes longer to import than to ask.
  const printed = await run(
    box,
    server,
    py`
      print([model.id for model in client.models.list()], client.models.retrieve("one").id)

      async def in_tasks(model):
          both = openai.AsyncOpenAI(**about)
          whole = await ask(model, "a b c", both, max_completion_tokens=2)
          stream = await ask(model, "a b", both, stream=True)
          return whole.choices[0].finish_reason, [chunk.choices[0].delta.content async for chunk in stream]

      for model in "one", "two":
          whole = ask(model, [{"type": "text", "text": "a "}, {"type": "text", "text": "b"}])
          print(repr(whole.choices[0].message.content), whole.choices[0].finish_reason, whole.usage.total_tokens)
          chunks = list(ask(model, "a b", stream=True, stream_options={"include_usage": True}))
          print([chunk.choices[0].delta.content for chunk in chunks[:-1]], chunks[-2].choices[0].finish_reason)
          print(chunks[-1].choices, chunks[-1].usage.completion_tokens, len({chunk.id for chunk in chunks}))
          print(*asyncio.run(in_tasks(model)))
      for form in "float", "base64", openai.omit:
          found = client.embeddings.create(model="one", input=["a", "bcd"], encoding_format=form)
          print([[round(x, 3) if isinstance(x, float) else x for x in row.embedding] for row in found.data] if form != "base64" else found.data[1].embedding)

      print("errors")
      for model in "one", "two":
          fail(lambda: ask(model, "long"))
          fail(lambda: ask(model, "busy", stream=True))
          fail(lambda: ask(model, "break"))
          fail(lambda: list(ask(model, "a break", stream=True)))
      fail(lambda: ask("one", "a", temperature=3))
      fail(lambda: ask("one", "a", tools=[{"type": "function", "function": {"name": "f"}}]))
      fail(lambda: ask("none", "a"))
      fail(lambda: ask("plain", "a"))
      fail(lambda: client.embeddings.create(model="two", input="a"))
      fail(lambda: client.embeddings.create(model="one", input=[[1, 2]]))
      fail(lambda: client.models.retrieve("none"))
      fail(lambda: client.responses.create(model="one", input="a"))
      fail(lambda: ask("one", "a", openai.OpenAI(**{**about, "api_key": "wrong"})))
    `,
  );
  const [answers, errors] = [printed.slice(0, printed.indexOf("errors")), printed.slice(printed.indexOf("errors") + 1)];
  const chats = [
    "'a b ' stop 4",
    "['', 'a ', 'b ', None] stop",
    "[] 2 1",
    "length ['', 'a ', 'b ', None]",
  ];
  assert.deepEqual(answers, [
    "['one', 'two'] one",
    ...chats,
    ...chats,
    "[[1.0, 0.1], [3.0, 0.1]]",
    // The floats 3 and 0.1 of 32 bits, little-endian.
    "AABAQM3MzD0=",
    "[[1.0, 0.1], [3.0, 0.1]]",
  ]);

  const known = "known models: 'one', 'two'";
  const failures = [
    "BadRequestError messages context_length_exceeded Error code: 400 - too long",
    "RateLimitError None rate_limit_exceeded Error code: 429 - later",
    "InternalServerError None None Error code: 500 - predict() raised RuntimeError: it broke",
    "APIError None None chat() raised RuntimeError: it broke",
  ];
  assert.deepEqual(errors, [
    ...failures,
    ...failures,
    "BadRequestError temperature invalid_value Error code: 400 - 'temperature' must be a number from 0 to 2",
    "BadRequestError tools unsupported_parameter Error code: 400 - This model does not support 'tools'",
    `NotFoundError model model_not_found Error code: 404 - The model 'none' does not exist; ${known}`,
    `NotFoundError model model_not_found Error code: 404 - The model 'plain' does not exist; ${known}`,
    "NotFoundError model model_not_found Error code: 404 - The model 'two' does not exist; known models: 'one'",
    "BadRequestError input invalid_value Error code: 400 - 'input' must be a text, or a list of texts: this model does not take tokens",
    "NotFoundError model model_not_found Error code: 404 - The model 'none' does not exist; known models: 'one', 'two', 'plain'",
    "NotFoundError None None Error code: 404 - No route matches '/v1/responses'",
    "AuthenticationError None invalid_api_key Error code: 401 - The bearer token is not valid",
  ]);
  await server.stop();
}, imports(CLIENT, "openai"));

test("requests that get no turn, or no answer in time, raise InternalServerError in OpenAI's client", async (box) => {
  const script = py`
    import time
    from aimodellib.openai import Api

    def load(model_dir):
        return None

    def chat(messages, model):
        time.sleep(60)

    api = Api(load, chat=chat)
  `;
  const server = await box.serve(script, {
    args: ["--port", "0", "--queue-size", "0", "--request-timeout", "1"],
  });
  const answers = await run(
    box,
    server,
    py`
      from concurrent.futures import ThreadPoolExecutor
      model = client.models.list().data[0].id
      with ThreadPoolExecutor(4) as pool:
          list(pool.map(lambda _: fail(lambda: ask(model, "a")), range(4)))
    `,
  );
  for (const answer of answers) assert.match(answer, /^InternalServerError None None Error code: 50[34] - /);
  assert.ok(answers.some((answer) => answer.includes("The request took longer than 1 s")), answers.join("\n"));
  await server.stop();
}, imports(CLIENT, "openai"));

test(
  "OpenAI's client gets tool calls, reasons and usage of the script, and closes the generator when it leaves",
  async (box) => {
    const body = (sleep: string) =>
      py`
      text = messages[-1]["content"]
      if text == "endless":
          try:
              while True:
                  yield "x"
                  ${sleep}
          finally:
              model.write_text("closed")
      elif tools:
          for name in text.split():
              yield {"content": None, "tool_calls": [{"id": name, "type": "function", "function": {"name": name, "arguments": "{}"}}]}
      else:
          yield "a"
          yield Finish("content_filter", prompt_tokens=7, completion_tokens=9)
    `.split("\n").map((line) => `    ${line}`).join("\n");
    const script = (name: string, define: string, sleep: string) =>
      [
        "import asyncio, pathlib, time",
        "from aimodellib.openai import Api, Finish",
        `def load(model_dir): return pathlib.Path(model_dir) / "${name}"`,
        `${define} chat(messages, model, tools=None):`,
        body(sleep),
        "api = Api(load, chat=chat)\n",
      ].join("\n");
    Deno.mkdirSync(box.path("model"));
    const scripts = {
      plain: script("plain", "def", "time.sleep(0.01)"),
      tasks: script("tasks", "async def", "await asyncio.sleep(0.01)"),
    };
    const words = Object.entries(scripts).flatMap(([name, script]) => [
      "--model",
      `${name}=${box.module({ "serve.py": script }, name)},serve.py,${box.path("model")}`,
    ]);
    const program = box.start(["serve", "--port", "0", ...words]);
    const server = await Server.attach(program, false);
    await Server.untilReady(program, ...Object.keys(scripts));
    const answers = await run(
      box,
      server,
      py`
      tools = [{"type": "function", "function": {"name": name, "parameters": {}}} for name in ("f", "g")]
      for model in "plain", "tasks":
          whole = ask(model, "f g", tools=tools).choices[0]
          print(whole.finish_reason, whole.message.content, [call.function.name for call in whole.message.tool_calls])
          chunks = [chunk.choices[0] for chunk in ask(model, "f g", tools=tools, stream=True)]
          calls = [call for chunk in chunks for call in chunk.delta.tool_calls or []]
          print(chunks[-1].finish_reason, [(call.index, call.id, call.function.name) for call in calls])
          filtered = ask(model, "a")
          print(filtered.choices[0].finish_reason, filtered.usage.prompt_tokens, filtered.usage.completion_tokens)
          stream = ask(model, "endless", stream=True)
          print([next(stream).choices[0].delta.content for _ in range(3)])
          stream.close()
    `,
    );
    const expected = [
      "tool_calls None ['f', 'g']",
      "tool_calls [(0, 'f', 'f'), (1, 'g', 'g')]",
      "content_filter 7 9",
      "['', 'x', 'x']",
    ];
    assert.deepEqual(answers, [...expected, ...expected]);
    for (const name of Object.keys(scripts)) {
      await until("the generator is closed", () => existsSync(box.path(`model/${name}`)));
    }
    await server.stop();
  },
  imports(CLIENT, "openai"),
);
