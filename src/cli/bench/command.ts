/** `aimodellib bench` */

import { defineCommand } from "../command.ts";
import { file } from "../options/paths.ts";
import { duration, whole } from "../options/values.ts";
import { form } from "../options/form.ts";
import { message } from "../options/message.ts";
import { argument, flag, grouped, option, unset, withDefault } from "../options/option.ts";
import { text } from "../options/text.ts";

const loadFields = grouped("Load", {
  connections: withDefault(
    option("--connections", "-c", whole("N", 1, 10_000), {
      description: message`How many connections send requests at once.`,
    }),
    32,
  ),
  durationMs: withDefault(
    option("--duration", "-d", duration(), {
      description: message`How long to send requests, such as ${"10s"} or ${"2m"}.`,
    }),
    10_000,
  ),
  rate: unset(
    option("--rate", whole("N", 1, 1_000_000), {
      description:
        message`The number of requests to send per second, however fast the server answers. If a request has to wait for a connection, its latency includes the wait.`,
    }),
    message`each connection sends its next request after the answer to the last one`,
  ),
});

const requestFields = grouped("Request", {
  contentType: unset(
    option("--content-type", text("TYPE"), { description: message`The Content-Type of the requests.` }),
    message`by the file's name`,
  ),
  accept: unset(
    option("--accept", text("TYPES"), {
      description: message`The acceptable content types of answers.`,
    }),
    message`${"*/*"}`,
  ),
  tokenFile: unset(
    option("--token-file", file(), {
      description: message`Send the first token of this file.`,
      env: "AIMODELLIB_TOKEN",
    }),
    message`none`,
  ),
});

const line = form({
  ...loadFields,
  ...requestFields,
  json: withDefault(flag("--json", { description: message`Print all figures as JSON.` }), false),
  url: argument(text("url"), {
    description:
      message`The server, such as ${"http://127.0.0.1:8080/"} or ${"unix:PATH"}. If the path ends with ${"/"}, requests go to ${"invocations"} below it.`,
  }),
  file: argument(file("file"), { description: message`The body of each request; ${"-"} for standard input.` }),
});

/** Measures how fast a server answers. */
export const bench = defineCommand({
  description:
    message`Sends one request repeatedly, and prints requests per second, the distribution of latencies, and the answers by status.`,
  examples: [
    {
      does: "Find out how many requests per second a server can answer",
      line: "aimodellib bench http://127.0.0.1:8080/ sample.json",
    },
    {
      does: "Measure latencies at 500 requests per second for a minute",
      line: "aimodellib bench http://127.0.0.1:8080/ sample.json --rate 500 -d 1m",
    },
  ],
  form: line,
  async run(options, io) {
    const { runBench } = await import("./action.ts");
    return await runBench(options, io);
  },
});
