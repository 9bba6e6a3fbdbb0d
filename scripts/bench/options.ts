/**
 * Measures the cost of options of `serve`: servers with and without options serve the same script and are loaded in turns, which
 * lets other work on the machine affect all of them. With TLS, the client works more as well: it encrypts its requests.
 */

import { run } from "../build/process.ts";
import { ROOT } from "../project.ts";
import { makeCertificate } from "./certificate.ts";
import { Loaded, type Turn } from "./loaded.ts";
import { median } from "./numbers.ts";

const BIN = `${ROOT}/dist/aimodellib`;
const TOKEN = "a-token-of-32-characters-for-load";
const CONNECTIONS = 32;
/** How many turns each server has; a turn takes a second. */
const TURNS = 10;

/** A row of the result. */
interface Row {
  readonly name: string;
  readonly args: readonly string[];
}

/**
 * Prints a row for each server: requests per second, the CPU time per request in the HTTP process, and the ratio of both to those of
 * the server without options.
 *
 * @throws {Error} if wrk is missing, or a server fails
 */
export async function options(): Promise<void> {
  await run("wrk", ["--version"]).catch((cause) => {
    throw new Error("The benchmark loads servers with wrk, which is not on PATH: install it (apt-get install wrk).", {
      cause,
    });
  });
  const folder = Deno.makeTempDirSync({ prefix: "aimodellib-bench-" });
  try {
    const body = `${folder}/body`;
    Deno.writeTextFileSync(body, '{"inputs":[1,2,3,4]}');
    const tokens = `${folder}/tokens`;
    Deno.writeTextFileSync(tokens, `${TOKEN}\n`, { mode: 0o600 });
    const certificate = await makeCertificate(folder) ? Deno.readTextFileSync(`${folder}/cert.pem`) : undefined;
    if (certificate === undefined) console.log("Without TLS: openssl, which makes the certificate, is not on PATH.");
    const rows = rowsOf(tokens, certificate === undefined ? undefined : folder);
    await using servers = new AsyncDisposableStack();
    const loaded = rows.map(({ args }) =>
      servers.use(
        new Loaded({
          executable: BIN,
          args,
          ...(args.includes("--tls-cert") && { certificate }),
          post: { contentType: "application/json", body, ...(args.includes("--token-file") && { token: TOKEN }) },
          connections: CONNECTIONS,
          folder,
        }),
      )
    );
    for (const one of loaded) await one.start();
    const turns = rows.map((): Turn[] => []);
    for (let i = 0; i < TURNS; i++) {
      for (const [at, one] of loaded.entries()) turns[at]!.push(await one.turn());
    }
    print(rows, turns);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

function rowsOf(tokens: string, certificates: string | undefined): readonly Row[] {
  const token = ["--token-file", tokens];
  const text = ["--access-log", "--log-format", "text"];
  const json = ["--access-log", "--log-format", "json"];
  const tls = certificates === undefined
    ? []
    : ["--tls-cert", `${certificates}/cert.pem`, "--tls-key", `${certificates}/key.pem`];
  return [
    { name: "no options", args: [] },
    { name: "token", args: token },
    { name: "access log", args: text },
    { name: "access log, JSON", args: json },
    { name: "token and JSON log", args: [...token, ...json] },
    ...(certificates === undefined
      ? []
      : [{ name: "TLS", args: tls }, { name: "all", args: [...token, ...json, ...tls] }]),
  ];
}

function print(rows: readonly Row[], turns: readonly (readonly Turn[])[]): void {
  const line = (columns: readonly string[]) =>
    console.log(columns.map((column, i) => i === 0 ? column.padEnd(20) : column.padStart(16)).join(""));
  console.log(`\noptions: ${CONNECTIONS} connections that send 20 bytes; medians of ${TURNS} turns`);
  line(["", "requests/s", "of no options", "CPU us/request", "of no options"]);
  const [bare] = turns;
  for (const [at, { name }] of rows.entries()) {
    const own = turns[at]!;
    const ratio = (of: (turn: Turn) => number) => median(own.map((turn, i) => of(turn) / of(bare![i]!))).toFixed(2);
    line([
      name,
      median(own.map(({ rate }) => rate)).toFixed(0),
      ratio(({ rate }) => rate),
      median(own.map(({ http }) => http)).toFixed(1),
      ratio(({ http }) => http),
    ]);
  }
}
