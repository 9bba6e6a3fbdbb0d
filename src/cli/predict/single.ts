/** Predicts one input: the answer goes to standard output or a file, and the times of the stages to standard error. */

import { FileBeside } from "../../atomic_file.ts";
import { UsageError } from "../../errors.ts";
import { PoolClient, predictOne, type Show } from "../../predict/mod.ts";
import { ExitCode } from "../errors.ts";
import type { Io } from "../terminal/io.ts";
import type { PredictOptions } from "./options.ts";
import type { Found } from "./asked.ts";
import type { PredictContext } from "./context.ts";
import type { Places } from "./places.ts";

/** Content types that a terminal can show. */
const TEXT = /^(?:text\/|application\/(?:[\w.-]+\+)?(?:json|xml)\b|application\/(?:x-ndjson|jsonl|yaml|javascript)\b)/i;

/**
 * Asks for the answer to one input, and shows it.
 *
 * @returns the exit code
 * @throws {AimodellibError} if the request has no answer
 */
export async function predictSingle(
  { input, output }: Places & { readonly kind: "one" },
  found: Found,
  options: PredictOptions,
  { io, log, stop }: PredictContext,
): Promise<number> {
  const started = performance.now();
  await using ask = await found.begin({ log, signal: stop.signal, many: false });
  const loadMs = performance.now() - started;
  stop.signal.addEventListener("abort", () => ask.abandon(), { once: true });
  using file = output === undefined ? undefined : new FileBeside(output);
  const show = file === undefined ? new Shown(io) : { begin: () => {}, part: (bytes: Uint8Array) => file.write(bytes) };
  const totalMs = await predictOne(ask, input, options.maxBody, show);
  if (stop.code !== undefined) return stop.code;
  if (file !== undefined) file.commit();
  else if (show instanceof Shown) show.end();
  const stages = ask instanceof PoolClient ? await ask.stageTimes() : [];
  const times = stages.map(([stage, seconds]) => [stage, seconds * 1000] as const);
  if (options.json) {
    const ms = Object.fromEntries([...times, ["total", totalMs] as const].map(([name, value]) => [name, round(value)]));
    const line = `${JSON.stringify({ input: input.name, output: output ?? null, ms })}\n`;
    output === undefined ? io.raw.stderr(line) : io.stdoutJson(line);
    return ExitCode.Success;
  }
  const loaded = ask instanceof PoolClient ? `; loaded in ${(loadMs / 1000).toFixed(2)} s` : "";
  io.stderrLine(
    [...times, ["total", totalMs] as const].map(([name, ms]) => `${name} ${round(ms)} ms`).join(", ") + loaded,
  );
  return ExitCode.Success;
}

/** Shows an answer on standard output: unchanged, or with control characters escaped for a terminal. */
class Shown implements Show {
  readonly #io: Io;
  readonly #terminal: boolean;
  readonly #decoder = new TextDecoder();
  #isText = true;
  #last = "";

  constructor(io: Io) {
    this.#io = io;
    this.#terminal = io.streams().stdout === "terminal";
  }

  begin(contentType: string): void {
    this.#isText = TEXT.test(contentType);
    if (this.#terminal && !this.#isText && !/^application\/octet-stream/i.test(contentType)) {
      throw notShown(contentType);
    }
  }

  async part(bytes: Uint8Array): Promise<void> {
    if (!this.#terminal) return await this.#io.stdoutBytes(bytes);
    if (!this.#isText && !looksLikeText(bytes)) throw notShown("application/octet-stream");
    this.#write(this.#decoder.decode(bytes, { stream: true }));
  }

  end(): void {
    if (!this.#terminal) return;
    this.#write(this.#decoder.decode());
    if (this.#last !== "" && !this.#last.endsWith("\n")) this.#io.stdout("\n");
  }

  #write(text: string): void {
    if (text === "") return;
    this.#io.stdoutData(text);
    this.#last = text;
  }
}

function notShown(contentType: string): UsageError {
  return new UsageError(
    `The answer is '${contentType}', which is not shown at a terminal: write it to a file with --output`,
  );
}

function looksLikeText(bytes: Uint8Array): boolean {
  if (bytes.includes(0)) return false;
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}
