/** The console of a training: its page in a real browser, and its HTTP side. */

import assert from "node:assert/strict";
import { behind, checkAccess, launch, logIn, open, wantLogin, withBrowser } from "./support/browser.ts";
import { imports } from "./support/needs.ts";
import { py, PYTHON, ROOT, Sandbox, test } from "./support/sandbox.ts";
import type { Program } from "./support/program.ts";

/** Hands over scalars, writes event files with TensorBoard's own writer if it is told so, and waits for a file before it ends. */
const TRAIN = py`
  import os, time

  def train(model_dir, *args, tensor_board_dir="", logger=None):
      for step in range(200):
          logger.scalar("accuracy", 1 - 1 / (step + 1), step)
      logger.scalar("broken", float("nan"), 0)
      logger.warning("<b>careful</b>")
      if "write" in args:
          from tensorboard.compat.proto.event_pb2 import Event
          from tensorboard.compat.proto.summary_pb2 import Summary
          from tensorboard.summary.writer.event_file_writer import EventFileWriter
          for run, factor in (("training", 1), ("validation", 2)):
              writer = EventFileWriter(os.path.join(model_dir, run))
              for step in range(100):
                  value = Summary.Value(tag="loss", simple_value=factor / (step + 1))
                  writer.add_event(Event(step=step, wall_time=time.time(), summary=Summary(value=[value])))
              writer.close()
      print("all is written")
      while not os.path.exists(os.path.join(model_dir, "end")):
          time.sleep(0.05)
      if "fail" in args:
          raise ValueError("no more")
`;

const HAS_WRITER = imports(PYTHON, "tensorboard") === true;

/** Starts a training, and returns the address of its console. */
async function start(box: Sandbox, ...args: string[]): Promise<{ program: Program; url: string }> {
  box.write({ "m/train.py": TRAIN });
  const program = box.start(["train", "--console", "0", "m", "train.py", "model", ...args]);
  const [line] = await program.stderr.waitFor(/^Console: (http:\/\/127\.0\.0\.1:\d+\/)$/);
  return { program, url: line.slice("Console: ".length) };
}

Deno.test(withBrowser("a training's console shows curves, resources, log and end, behind a login"), async () => {
  await using box = new Sandbox();
  const { program, url } = await start(box, "--token", "hunter2-hunter2", "fail", ...HAS_WRITER ? ["write"] : []);
  await using proxy = behind("/user/one", url.slice(0, -1), wantLogin);
  const browser = await launch();
  try {
    const { page, complaints, outside } = await open(browser, proxy.url);
    await logIn(page, proxy.url);
    await page.goto(proxy.url);
    await page.locator(".state", { hasText: "training" }).waitFor();
    await page.getByRole("img", { name: "accuracy by step" }).waitFor();
    assert.equal(await page.locator("figure", { hasText: "accuracy" }).locator("dd").textContent(), "0.9950");
    assert.match(await page.locator("figure", { hasText: "accuracy" }).locator("figcaption").innerText(), /step 199$/);
    await page.locator("figure", { hasText: "broken" }).getByText("NaN").waitFor();
    if (HAS_WRITER) {
      const loss = page.locator("figure", { hasText: "loss" });
      await loss.getByText("validation").waitFor();
      await loss.locator("dd", { hasText: "0.02000" }).waitFor();
      assert.deepEqual(await loss.locator("dt").allTextContents(), ["training", "validation"]);
    }
    // What a script prints is text.
    await page.getByRole("log").getByText("[WARNING] <b>careful</b>").waitFor();
    await page.getByRole("log").getByText("all is written").waitFor();
    await page.locator(".tile", { hasText: "Memory" }).getByText(/\d [KMG]iB/).first().waitFor();
    const facts = page.getByRole("region", { name: "Run" });
    await facts.getByText("train.py").first().waitFor();
    assert.doesNotMatch(await facts.innerText(), /hunter2/);
    await checkAccess(page, "a training");
    box.write({ "model/end": "" });
    await page.getByRole("status", { name: "Outcome" }).getByText("Training raised ValueError: no more").waitFor();
    await page.locator(".state", { hasText: "failed" }).waitFor();
    assert.equal(await page.locator("figure", { hasText: "accuracy" }).count(), 1);
    assert.deepEqual([complaints, outside], [[], []]);
  } finally {
    await browser.close();
  }
  const { code, stderr } = await program.finished();
  assert.equal(code, 1);
  assert.match(stderr, /^Error: Training raised ValueError: no more$/m);
});

test("train --console refuses another Host, and tells its events to several readers", async (box) => {
  const { program, url } = await start(box);
  await program.stdout.waitFor(/^all is written$/);
  const { port } = new URL(url);
  const ask = async (head: string) => {
    using conn = await Deno.connect({ port: Number(port) });
    await conn.write(new TextEncoder().encode(`${head}\r\n\r\n`));
    const bytes = new Uint8Array(4096);
    return new TextDecoder().decode(bytes.subarray(0, await conn.read(bytes) ?? 0));
  };
  assert.match(await ask("GET /console/events HTTP/1.1\r\nHost: evil.example"), /^HTTP\/1\.1 403 /);
  assert.match(await ask(`GET /other HTTP/1.1\r\nHost: 127.0.0.1:${port}`), /^HTTP\/1\.1 404 /);
  const readers = [1, 2].map(async () => await (await fetch(`${url}console/events`)).text());
  // Both are there before the end.
  await new Promise((resolve) => setTimeout(resolve, 500));
  box.write({ "model/end": "" });
  for (const text of await Promise.all(readers)) {
    const names = [...text.matchAll(/^event: (\w+)$/gm)].map(([, name]) => name);
    assert.equal(names[0], "hello");
    assert.ok(names.includes("curve") && names.includes("log"));
    assert.equal(names.at(-1), "ended");
    assert.match(text, /^data: \{"t":\d+,"code":0\}$/m);
  }
  assert.equal((await program.finished()).code, 0);
});

test("train --console says which address is wrong, or in use, before anything runs", async (box) => {
  box.write({ "m/train.py": TRAIN });
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const taken = await box.run(["train", "--console", String(port), "m", "train.py", "model"]);
  assert.equal(taken.code, 2);
  assert.match(
    taken.stderr,
    new RegExp(`Can't listen on 127\\.0\\.0\\.1:${port}: .*choose another port with --console`),
  );
  for (const wrong of ["x", "70000", "host:", "::1:8080"]) {
    const { code, stderr } = await box.run(["train", "--console", wrong, "m", "train.py", "model"]);
    assert.equal(code, 2);
    assert.match(stderr, /Expected a port such as/);
  }
});

test("train --console shows the scalars of rank 0 of a launcher", async (box) => {
  box.write({
    "m/train.py": py`
      import os, time

      def train(model_dir, logger=None):
          rank = int(os.environ["RANK"])
          for step in range(300):
              logger.scalar(f"rank {rank}", step, step)
          print("written")
          while not os.path.exists(os.path.join(model_dir, "end")):
              time.sleep(0.05)
    `,
  });
  const options = ["--console", "0", "--launcher", "torchrun", "--nproc-per-node", "2"];
  const program = box.start(["train", ...options, "m", "train.py", "model"], {
    env: { PYTHONPATH: `${ROOT}/tests/e2e/support/light_torch` },
  });
  const [line] = await program.stderr.waitFor(/^Console: http:.*$/);
  const text = fetch(`${line.slice("Console: ".length)}console/events`).then((response) => response.text());
  await program.stdout.waitFor(/rank 0\] written/);
  await program.stdout.waitFor(/rank 1\] written/);
  box.write({ "model/end": "" });
  const curves = [...(await text).matchAll(/^event: curve\ndata: (.*)$/gm)].map(([, data]) => JSON.parse(data!));
  assert.deepEqual([...new Set(curves.map(({ tag }) => tag))], ["rank 0"]);
  assert.deepEqual(curves.at(-1)!.last.slice(0, 2), [299, 299]);
  assert.equal((await program.finished()).code, 0);
}, imports(PYTHON, "torch"));
