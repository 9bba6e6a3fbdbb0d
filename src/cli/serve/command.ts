/** The command `serve`: its options and its help. */

import { namesArchive } from "../run/form.ts";
import { meantForm } from "../run/meant.ts";
import { defineCommand } from "../command.ts";
import { folder, folderOrArchive, script as scriptFile } from "../options/paths.ts";
import { scan } from "../options/scan.ts";
import { port } from "../options/values.ts";
import { runFields } from "../run/options.ts";
import { listenFields, logFields, servingLimitFields, workerFields } from "./options.ts";
import { type Form, form, mapped, type ValuesOf } from "../options/form.ts";
import { message } from "../options/message.ts";
import { argument, grouped, multiple, option, optional } from "../options/option.ts";
import { text } from "../options/text.ts";

const options = {
  ...grouped("Model", {
    models: multiple(
      option("--model", text("NAME=..."), {
        description:
          message`Serve several models, each with its own workers: ${"NAME=ARCHIVE,MODEL_DIR"} or ${"NAME=MODULE,SCRIPT,MODEL_DIR"}. Replaces the arguments; may be repeated.`,
      }),
    ),
    routes: multiple(
      option("--route", text("PATH=NAME"), {
        description:
          message`Another path for requests to the model NAME, such as ${"/score=iris"}, beside ${"/invocations"}; may be repeated.`,
      }),
    ),
  }),
  ...listenFields,
  ...workerFields,
  ...servingLimitFields,
  ...logFields,
  ...runFields,
};

const module = argument(folderOrArchive("inference_module"), {
  description: message`The folder with the serving script and the source files that it imports.`,
});

const places = {
  modelDir: argument(folder("model_dir"), {
    description: message`The folder to read artifacts from.`,
  }),
  port: optional(argument(port(0, "port"), {
    description: message`Same as --port.`,
  })),
};

const line: Form<ParsedServe> = form({
  ...options,
  module,
  script: argument(scriptFile("inference_script"), {
    description: message`The script's path, relative to that folder.`,
  }),
  ...places,
});

const archiveLine = mapped(
  form({ ...options, module: argument(folderOrArchive("archive")), ...places }),
  (parsed): ParsedServe => ({ ...parsed, script: undefined }),
);

/** The form without `model_dir`, which a platform or an archive determines. */
const lineWithoutModelDir = mapped(
  form({
    ...options,
    module: argument(folderOrArchive("module")),
    script: optional(argument(scriptFile("script"))),
  }),
  (parsed): ParsedServe => ({ ...parsed, modelDir: undefined, port: undefined }),
);

/** The form without arguments: with `--model`, or where a platform determines everything. */
const bareLine = mapped(
  form(options),
  (parsed): ParsedServe => ({ ...parsed, module: undefined, script: undefined, modelDir: undefined, port: undefined }),
);

/** What tells the forms apart. */
const scanned = (given: readonly string[]) => scan(options, given);

/** The result of parsing any of the forms. */
interface ParsedServe extends ValuesOf<typeof options> {
  readonly module: string | undefined;
  readonly script: string | undefined;
  readonly modelDir: string | undefined;
  readonly port: number | undefined;
}

/** Serves a model over HTTP. */
export const serve = defineCommand({
  description:
    message`Answers POST /invocations with the functions of a script, and GET /ping once the model is loaded. A Model Archive can replace ${"inference_module"} and ${"inference_script"}: ${"aimodellib serve model.tar.gz model_dir"}.`,
  examples: [
    {
      does: "Serve the module iris with the model in out, at http://127.0.0.1:8080/",
      line: "aimodellib serve iris serve.py out",
    },
    {
      does: "Serve an archive to other machines, with a worker for each device",
      line: "aimodellib serve model.tar.gz out --host 0.0.0.0 --token-file tokens --device auto --workers auto",
    },
  ],
  form: line,
  meant(given) {
    return meantForm({ name: "serve", usual: "serve.py" }, scanned(given)?.words ?? []);
  },
  scriptsIn: (before) => before.at(-1) ?? ".",
  otherForms: [{
    form: bareLine,
    fits(given) {
      const found = scanned(given);
      return found !== undefined && (found.options.has("--model") || found.words.length === 0);
    },
  }, {
    form: lineWithoutModelDir,
    fits(given) {
      const [module, script, ...others] = scanned(given)?.words ?? [];
      if (module === undefined) return false;
      return others.length === 0 && namesArchive(module, script) === (script === undefined);
    },
  }, {
    form: archiveLine,
    begins: true,
    fits(given) {
      const [module, script] = scanned(given)?.words ?? [];
      return module !== undefined && namesArchive(module, script);
    },
  }],
  async run(options, io, words) {
    const { runServing } = await import("./action.ts");
    return await runServing({ ...options, words }, io);
  },
});
