/** The command `doctor`: its options and its help. */

import { hideCredentials } from "../../credentials.ts";
import type { Finding } from "../../environment/doctor.ts";
import { defineCommand } from "../command.ts";
import { ExitCode } from "../errors.ts";
import { folder } from "../options/paths.ts";
import { python } from "../options/values.ts";
import { form } from "../options/form.ts";
import { message } from "../options/message.ts";
import { flag, option, withDefault } from "../options/option.ts";

const line = form({
  python: python(),
  moduleDir: withDefault(
    option("--module-dir", "-m", folder(), {
      description: message`The module, whose ${".venv"} may contain the Python.`,
    }),
    ".",
  ),
  json: withDefault(flag("--json", { description: message`Print what was found as JSON.` }), false),
});

/** Checks this machine for everything that a run needs. */
export const doctor = defineCommand({
  description: message`Prints the result of each check, and exits with 1 if a run would fail.`,
  examples: [
    { does: "Check what a run in this folder would find", line: "aimodellib doctor" },
    { does: "Check a module with another Python", line: "aimodellib doctor -m iris --python python3.12" },
  ],
  form: line,
  async run(options, io) {
    const { examine } = await import("../../environment/doctor.ts");
    const found: Finding[] = [];
    for await (const { ok, text } of examine(options, io.env)) {
      found.push({ ok, text: hideCredentials(text) });
      if (options.json) continue;
      const [mark, color] = ok ? ["✓", 32] : ["✗", 31];
      io.raw.stdout(io.colors ? `\x1b[${color}m${mark}\x1b[0m` : mark);
      io.stdout(` ${hideCredentials(text)}\n`);
    }
    const sound = found.every(({ ok }) => ok);
    if (options.json) io.stdoutJson(`${JSON.stringify({ ok: sound, findings: found }, null, 2)}\n`);
    return sound ? ExitCode.Success : ExitCode.Failure;
  },
});
