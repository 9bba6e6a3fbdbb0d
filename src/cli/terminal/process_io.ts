/** Implements {@linkcode Io} for this process. Besides `main.ts`, only this file writes to the standard streams. */

import { ignoredSignals } from "../../bridge/ignored.ts";
import type { Io } from "./io.ts";
import { printable } from "../../printable.ts";
import { makeStreamsBlock } from "./blocking.ts";
import { takeSecrets } from "./secrets.ts";
import { onSignal } from "./signals.ts";
import { writersTo } from "./writers.ts";

/** Makes the {@linkcode Io} of this process. */
export function processIo(): Io {
  ignoredSignals(); // before anybody listens for one
  makeStreamsBlock();
  const secrets = takeSecrets();
  const terminal = Deno.stdout.isTerminal();
  return {
    ...writersTo({
      stdout: (text) => writeAll(Deno.stdout, text),
      stderr: (text) => {
        try {
          writeAll(Deno.stderr, text);
        } catch {
          // On a full disk, a lost message must not end the command.
        }
      },
    }, terminal),
    stdoutBytes: (bytes) => writeBytes(Deno.stdout, bytes),
    stderrBytes: (bytes) => writeBytes(Deno.stderr, bytes),
    askSecret,
    env: (name) => Deno.env.get(name),
    secret: (name) => secrets.get(name),
    onSignal,
    onHangUp: (handler) => listenTo("SIGHUP", handler),
    onResize: (handler) => listenTo("SIGWINCH", handler),
    heedFileLimit: () => listenTo("SIGXFSZ", () => {}),
    streams: () => ({
      stdout: terminal ? "terminal" : "other",
      stderr: Deno.stderr.isTerminal() ? "terminal" : "other",
      isOne: areOne(),
    }),
    terminalSize: () => {
      try {
        const { columns, rows } = Deno.consoleSize();
        return columns > 0 && rows > 0 ? { columns, rows } : undefined;
      } catch {
        return undefined;
      }
    },
    columns: terminal ? consoleColumns() : undefined,
    errorColumns: Deno.stderr.isTerminal() ? consoleColumns() ?? 80 : undefined,
    colors: terminal && !Deno.env.get("NO_COLOR") && Deno.env.get("TERM") !== "dumb",
  };
}

const encoder = new TextEncoder();

function listenTo(signal: Deno.Signal, handler: () => void): Disposable {
  Deno.addSignalListener(signal, handler);
  return { [Symbol.dispose]: () => Deno.removeSignalListener(signal, handler) };
}

/** Whether standard output and standard error are the same file, pipe or terminal. */
function areOne(): boolean {
  try {
    const [out, error] = [1, 2].map((fd) => Deno.statSync(`/proc/self/fd/${fd}`));
    return out!.dev === error!.dev && out!.ino === error!.ino;
  } catch {
    return false;
  }
}

async function writeBytes(stream: { write(bytes: Uint8Array): Promise<number> }, bytes: Uint8Array): Promise<void> {
  try {
    for (let written = 0; written < bytes.length;) written += await stream.write(bytes.subarray(written));
  } catch (error) {
    if (!isHungUp(error)) throw error;
  }
}

/** Whether a write failed because the terminal was closed. */
function isHungUp(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EIO";
}

function writeAll(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  const bytes = encoder.encode(text);
  let written = 0;
  while (written < bytes.length) {
    try {
      written += stream.writeSync(bytes.subarray(written));
    } catch (error) {
      // The reader is gone. The command continues without it.
      if (error instanceof Deno.errors.BrokenPipe || isHungUp(error)) return;
      // Another process has made the pipe non-blocking meanwhile, and it is full: wait for its reader.
      if (!(error instanceof Deno.errors.WouldBlock)) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

/** Reads a line from the terminal in raw mode, without echo. */
async function askSecret(question: string): Promise<string | undefined> {
  if (!Deno.stdin.isTerminal()) return undefined;
  writeAll(Deno.stderr, printable(question));
  Deno.stdin.setRaw(true);
  const line: number[] = [];
  try {
    const space = new Uint8Array(256);
    for (;;) {
      const length = await Deno.stdin.read(space);
      if (length === null) return undefined;
      for (const byte of space.subarray(0, length)) {
        switch (byte) {
          case 0x0a:
          case 0x0d:
            return new TextDecoder().decode(new Uint8Array(line));
          // Ctrl+C, Ctrl+D
          case 0x03:
          case 0x04:
            return undefined;
          // Backspace removes a whole character, of any number of bytes.
          case 0x08:
          case 0x7f:
            while (line.length > 0 && (line.pop()! & 0xc0) === 0x80);
            break;
          default:
            line.push(byte);
        }
      }
    }
  } finally {
    Deno.stdin.setRaw(false);
    writeAll(Deno.stderr, "\n");
  }
}

function consoleColumns(): number | undefined {
  try {
    // A terminal whose size was never set reports 0.
    return Deno.consoleSize().columns || undefined;
  } catch {
    return undefined;
  }
}
