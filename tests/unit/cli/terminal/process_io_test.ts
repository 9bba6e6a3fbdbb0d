import assert from "node:assert/strict";
import { SAME_STOP_MS } from "../../../../src/cli/terminal/signals.ts";

const OUTPUT = new URL("../../../../src/cli/terminal/process_io.ts", import.meta.url).href;

/** Starts a process that runs this code with the `io` of a real process. */
function start(code: string, env: Record<string, string> = {}): Deno.ChildProcess {
  const script = `import { processIo } from ${JSON.stringify(OUTPUT)}; const io = processIo(); ${code}`;
  return new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-config", "--no-lock", "--ext=js", script],
    env,
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

Deno.test("processIo() writes a long text completely to a slow reader", async () => {
  const child = start(`io.stderr("ready\\n"); io.stdout("é".repeat(500_000)); io.stderr("done");`);
  const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  assert.equal((await child.status).code, 0);
  assert.equal(stderr, "ready\ndone");
  assert.ok(stdout === "é".repeat(500_000), `${stdout.length} characters`);
});

Deno.test("processIo() continues when the reader of its output is gone", async () => {
  const child = start(`for (let i = 0; i < 100; i++) io.stdout("x".repeat(10_000)); io.stderr("done");`);
  await child.stdout.cancel();
  assert.equal(await new Response(child.stderr).text(), "done");
  assert.equal((await child.status).code, 0);
});

Deno.test("processIo() reports no colours and no columns when standard output is not a terminal", async () => {
  const child = start(`io.stdout(JSON.stringify([io.colors, io.columns ?? null, io.env("A"), io.env("B") ?? null]));`, {
    A: "1",
  });
  const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  assert.equal(stderr, "");
  assert.deepEqual(JSON.parse(stdout), [false, null, "1", null]);
  await child.status;
});

Deno.test("processIo() calls back once for the signals of one stop, and for each SIGHUP, until the listener is disposed", async () => {
  const child = start(`
    const listening = io.onSignal((signal) => {
      io.stdout(signal + " ");
      if (signal === "SIGTERM") listening[Symbol.dispose](), clearInterval(timer);
    });
    const timer = setInterval(() => {}, 1000);
    io.stdout("ready ");
  `);
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  const until = async (word: string) => {
    while (!text.endsWith(word)) text += (await reader.read()).value ?? assert.fail(`It ended with '${text}'`);
  };
  await until("ready ");
  child.kill("SIGINT");
  await until("ready SIGINT ");
  child.kill("SIGINT");
  child.kill("SIGHUP");
  await until("ready SIGINT SIGHUP ");
  child.kill("SIGHUP");
  await until("ready SIGINT SIGHUP SIGHUP ");
  await new Promise((resolve) => setTimeout(resolve, SAME_STOP_MS + 50));
  child.kill("SIGTERM");
  await until("ready SIGINT SIGHUP SIGHUP SIGTERM ");
  assert.equal((await child.status).code, 0);
  assert.equal((await reader.read()).done, true);
  await child.stderr.cancel();
});

Deno.test("processIo() gives a signal that has arrived to the next handler, if that is there before the last one is disposed", async () => {
  const child = start(`
    const timer = setTimeout(() => {}, 5000);
    const first = io.onSignal(() => io.stdout("first"));
    Deno.kill(Deno.pid, "SIGTERM");
    // The signal has arrived, but no handler is called in this turn of the event loop.
    for (const end = performance.now() + 100; performance.now() < end;);
    const second = io.onSignal((signal) => {
      io.stdout("second " + signal);
      clearTimeout(timer), second[Symbol.dispose]();
    });
    first[Symbol.dispose]();
  `);
  const [stdout] = await Promise.all([new Response(child.stdout).text(), child.stderr.cancel()]);
  assert.deepEqual([stdout, (await child.status).code], ["second SIGTERM", 0]);
});

Deno.test("processIo() calls all handlers for a signal", async () => {
  const child = start(`
    const called = [];
    const listening = ["first", "second"].map((name) =>
      io.onSignal((signal) => {
        if (called.push(name + " " + signal) < 2) return;
        io.stdout(called.join(", "));
        for (const each of listening) each[Symbol.dispose]();
        clearTimeout(timer);
      })
    );
    const timer = setTimeout(() => {}, 5000);
    Deno.kill(Deno.pid, "SIGTERM");
  `);
  const [stdout] = await Promise.all([new Response(child.stdout).text(), child.stderr.cancel()]);
  assert.deepEqual([stdout, (await child.status).code], ["first SIGTERM, second SIGTERM", 0]);
});

Deno.test("processIo() leaves it to the system to end the process once no handler is left, even while it computes", async () => {
  const child = start(`
    io.onSignal(() => {})[Symbol.dispose]();
    Deno.kill(Deno.pid, "SIGTERM");
    for (const end = performance.now() + 5000; performance.now() < end;);
    io.stdout("computed");
  `);
  const [stdout] = await Promise.all([new Response(child.stdout).text(), child.stderr.cancel()]);
  assert.deepEqual([stdout, (await child.status).code], ["", 143]);
});

for (
  const [listening, expected] of [
    ["job", "ready SIGTERM "],
    ["server", "ready SIGINT "],
  ] as const
) {
  Deno.test(`processIo() ${listening === "job" ? "ignores" : "hears"} SIGINT when it was started to ignore it, for a ${listening}`, async () => {
    const script = `import { processIo } from ${JSON.stringify(OUTPUT)}; const io = processIo();
      const timer = setInterval(() => {}, 1000);
      const listening = io.onSignal((signal) => {
        io.stdout(signal + " ");
        clearInterval(timer), listening[Symbol.dispose]();
      }, ${JSON.stringify(listening)});
      io.stdout("ready ");`;
    const child = new Deno.Command("sh", {
      args: [
        "-c",
        'trap "" INT HUP; exec "$@"',
        "sh",
        Deno.execPath(),
        "eval",
        "--no-config",
        "--no-lock",
        "--ext=js",
        script,
      ],
      stdout: "piped",
    }).spawn();
    let text = "";
    for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      if (text !== "ready ") continue;
      for (const name of ["SIGHUP", "SIGINT"] as const) child.kill(name);
      if (listening === "job") setTimeout(() => child.kill("SIGTERM"), 200);
    }
    assert.equal(text, expected);
    assert.equal((await child.status).code, 0);
  });
}
