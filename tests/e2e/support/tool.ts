/**
 * Programs of this machine that tests use beside ours, such as tar and git. They run in an environment of their own: the
 * caller's language, time zone and settings, such as `TAR_OPTIONS`, would change what they do.
 */

import assert from "node:assert/strict";

/** The whole environment of such a program. */
export const TOOL_ENV: Readonly<Record<string, string>> = {
  PATH: Deno.env.get("PATH") ?? "/usr/local/bin:/usr/bin:/bin",
  HOME: "/nonexistent",
  // Without UTF-8, bsdtar refuses names that are not ASCII.
  LC_ALL: "C.UTF-8",
  TZ: "UTC",
};

/** The working directory and the input of a program. */
export interface ToolOptions {
  readonly cwd?: string;
  readonly stdin?: string;
}

/** The exit of a program, and its output. */
export interface ToolResult {
  readonly success: boolean;
  readonly stdout: Uint8Array<ArrayBuffer>;
  /** Standard output, then standard error. */
  readonly text: string;
}

/** Runs a program to its end. */
export async function runTool(
  command: string,
  args: readonly string[],
  { cwd, stdin }: ToolOptions = {},
): Promise<ToolResult> {
  const child = new Deno.Command(command, {
    args: [...args],
    clearEnv: true,
    env: { ...TOOL_ENV },
    ...(cwd !== undefined && { cwd }),
    stdin: stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const output = child.output();
  if (stdin !== undefined) {
    const writer = child.stdin.getWriter();
    // A program that ends early does not read all of its input.
    await writer.write(new TextEncoder().encode(stdin)).catch(() => {});
    await writer.close().catch(() => {});
  }
  return resultOf(await output);
}

/** Runs a program that must succeed, and returns its standard output. */
export function tool(command: string, args: readonly string[], cwd?: string): Uint8Array<ArrayBuffer> {
  const { success, stdout, text } = resultOf(
    new Deno.Command(command, {
      args: [...args],
      clearEnv: true,
      env: { ...TOOL_ENV },
      ...(cwd !== undefined && { cwd }),
    }).outputSync(),
  );
  assert.ok(success, `${command} ${args.join(" ")}: ${text}`);
  return stdout;
}

/** Runs a line of shell that must succeed, and returns its standard output as text. */
export function sh(cwd: string, line: string): string {
  return new TextDecoder().decode(tool("sh", ["-c", line], cwd));
}

function resultOf({ success, stdout, stderr }: Deno.CommandOutput): ToolResult {
  const decoder = new TextDecoder();
  return { success, stdout: new Uint8Array(stdout), text: decoder.decode(stdout) + decoder.decode(stderr) };
}
