/** `aimodellib serve` */

import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { map, multiple, optional, withDefault } from "@optique/core/modifiers";
import { argument, option } from "@optique/core/primitives";
import { type InferValue, parse, type Parser } from "@optique/core/parser";
import { integer, string } from "@optique/core/valueparser";
import { namesArchive } from "../run/form.ts";
import { defineCommand } from "../command.ts";
import { list, seconds, size } from "../options/values.ts";
import { runFields } from "../run/options.ts";
import { listenFields, logFields, workerFields } from "./options.ts";

const port = () => integer({ min: 0, max: 65535, metavar: "PORT" });

const options = {
  ...runFields,
  host: optional(
    option("--host", string({ metavar: "ADDRESS" }), {
      description:
        message`The address to listen on; ${"0.0.0.0"} for all. [127.0.0.1; all where a platform says the port]`,
    }),
  ),
  portOption: optional(
    option("--port", port(), {
      description: message`The port to listen on; 0 takes one that is free. [what a platform says, or 8080]`,
    }),
  ),
  ...listenFields,
  ...logFields,
  maxBody: withDefault(
    option("--max-body", size(), { description: message`The longest body of a request.` }),
    100 * 2 ** 20,
  ),
  maxBodyMemory: optional(
    option("--max-body-memory", size(), {
      description:
        message`How much memory the bodies of all requests in flight may take together; others are answered 503. [a quarter of the memory, or ${"--max-body"} if that is more]`,
    }),
  ),
  uriListHosts: withDefault(
    option("--allow-uri-list", list("HOST,..."), {
      description: message`Hosts that a ${"text/uri-list"} body may name as input and output.`,
    }),
    [],
  ),
  models: multiple(
    option("--model", string({ metavar: "NAME=..." }), {
      description:
        message`Serve several models, each with workers of its own: ${"NAME=ARCHIVE,MODEL_DIR"} or ${"NAME=MODULE,SCRIPT,MODEL_DIR"}; in place of the arguments.`,
    }),
  ),
  ...workerFields,
  drainTimeoutMs: withDefault(
    option("--drain-timeout", seconds(), {
      description: message`How long requests in flight may take to finish after SIGTERM.`,
    }),
    30_000,
  ),
};

const module = argument(string({ metavar: "inference_module" }), {
  description: message`The folder with the serving script and the source files that it imports.`,
});

const places = {
  modelDir: argument(string({ metavar: "model_dir" }), {
    description: message`The folder to read artifacts from.`,
  }),
  port: optional(argument(integer({ min: 0, max: 65535, metavar: "port" }), {
    description: message`The same as --port.`,
  })),
};

const parser = object("Options", {
  ...options,
  module,
  script: argument(string({ metavar: "inference_script" }), {
    description: message`The path of the script from that folder.`,
  }),
  ...places,
});

const archiveParser = map(
  object("Options", { ...options, module: argument(string({ metavar: "archive" })), ...places }),
  (parsed) => ({ ...parsed, script: undefined }),
);

/** Where a platform says the model directory. */
const withoutModelDir = map(
  object("Options", {
    ...options,
    module: argument(string({ metavar: "module" })),
    script: optional(argument(string({ metavar: "script" }))),
  }),
  (parsed) => ({ ...parsed, modelDir: undefined, port: undefined }),
);

/** With `--model`, or where a platform says all. */
const bareParser = map(
  object("Options", options),
  (parsed) => ({ ...parsed, module: undefined, script: undefined, modelDir: undefined, port: undefined }),
);

/** Enough of all forms to tell them apart. */
const words = object({ ...options, words: multiple(argument(string({ metavar: "WORD" }))) });

/** What all forms of the command line say. */
type ParsedServe = Omit<InferValue<typeof parser>, "module" | "script" | "modelDir"> & {
  readonly module: string | undefined;
  readonly script: string | undefined;
  readonly modelDir: string | undefined;
};

/** Serves a model over HTTP. */
export const serve = defineCommand({
  name: "serve",
  brief: message`Serve a model over HTTP.`,
  description:
    message`Answers POST /invocations with the functions of a script, and GET /ping when the model is loaded. In place of ${"inference_module"} and ${"inference_script"}, a Model Archive can be named: ${"aimodellib serve model.tar.gz model_dir"}.`,
  parser: parser as Parser<"sync", ParsedServe, unknown>,
  otherForms: [{
    parser: bareParser,
    fits(given) {
      const parsed = parse(words, given);
      return parsed.success && (parsed.value.models.length > 0 || parsed.value.words.length === 0);
    },
  }, {
    parser: withoutModelDir,
    fits(given) {
      const parsed = parse(words, given);
      if (!parsed.success) return false;
      const [module = "", script, ...others] = parsed.value.words;
      return others.length === 0 && namesArchive(module, script) === (script === undefined);
    },
  }, {
    parser: archiveParser,
    fits(given) {
      const parsed = parse(words, given);
      return parsed.success && parsed.value.words[0] !== undefined &&
        namesArchive(parsed.value.words[0], parsed.value.words[1]);
    },
  }],
  async run(options, io, words) {
    const { runServing } = await import("./action.ts");
    return await runServing({ ...options, words }, io);
  },
});
