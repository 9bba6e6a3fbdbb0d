/** A server whose log is lines of JSON. */

import type { Program } from "./program.ts";
import type { Sandbox } from "./sandbox.ts";
import { Server } from "./server.ts";

/** A record of the log. */
// deno-lint-ignore no-explicit-any
export type LogRecord = Readonly<Record<string, any>>;

/** Serves a script with a log in JSON, and waits until the model is loaded. */
export async function serveJson(box: Sandbox, source: string, ...args: readonly string[]): Promise<Server> {
  const module = box.module({ "serve.py": source });
  const program = box.start(["serve", "--port", "0", "--log-format", "json", ...args, module, "serve.py", box.root]);
  await program.stderr.waitFor(/Ready: POST /);
  return Server.at(program, /Listening on (http:[^;"]+);/.exec(program.stderr.text)![1]!);
}

/** Returns all records up to now. @throws {SyntaxError} if a line is not JSON */
export function recordsOf({ stderr }: Pick<Program, "stderr">): LogRecord[] {
  return stderr.lines.map((line) => JSON.parse(line));
}
