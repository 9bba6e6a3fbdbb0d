/**
 * Fetches folders from Google Cloud Storage by its JSON API (https://cloud.google.com/storage/docs/json_api/v1), with a token of the
 * machine's service account from the metadata server
 * (https://cloud.google.com/compute/docs/metadata/predefined-metadata-keys).
 */

import { createHash } from "node:crypto";
import { AimodellibError, messageOf } from "../errors.ts";
import { printable } from "../printable.ts";

/** Artifacts can't be fetched; the message names the URI or the object. */
export class StorageError extends AimodellibError {
  override readonly name = "StorageError";

  /** @param message one line; characters from a server that could control a terminal are escaped */
  constructor(message: string, options?: ErrorOptions) {
    super(printable(message), options);
  }
}

const SCHEME = "gs://";
const API = "https://storage.googleapis.com";
const METADATA_HOST = "metadata.google.internal";
const TOKEN_PATH = "/computeMetadata/v1/instance/service-accounts/default/token";

/** A token is renewed when it expires in less than this, in ms. */
const TOKEN_MARGIN_MS = 60_000;

/** How many files are fetched at the same time. */
const AT_ONCE = 8;

/** The number of attempts for a request; the first pause between two, and the longest silence before one is given up, in ms. */
const ATTEMPTS = 5;
const FIRST_PAUSE_MS = 500;
const SILENCE_MS = 60_000;

/** The environment of a download, and its abort signal. */
export interface StorageContext {
  /** `STORAGE_EMULATOR_HOST` and `GCE_METADATA_HOST` name other servers, as for Google's own clients. */
  readonly env: (name: string) => string | undefined;
  readonly signal: AbortSignal;
  /** The pause before the first retry, which doubles each time, in ms. */
  readonly firstPauseMs?: number | undefined;
}

/** The number of files that were fetched, and their total size in bytes. */
export interface Fetched {
  readonly files: number;
  readonly bytes: number;
}

/** An object of a listing. */
interface StoredObject {
  readonly name: string;
  /** A decimal number of bytes. */
  readonly size: string;
  /** Base64; undefined for an object that was composed of others. */
  readonly md5Hash?: string;
}

/** Whether a path is a `gs://` URI. */
export function isStorageUri(path: string): boolean {
  return path.startsWith(SCHEME);
}

/**
 * Fetches all objects below `gs://BUCKET/PREFIX` into an existing, empty folder, and checks their lengths and checksums.
 *
 * @throws {StorageError} if there are no objects, or one can't be fetched; files that were fetched before stay
 */
export async function fetchFolder(uri: string, folder: string, context: StorageContext): Promise<Fetched> {
  const [, bucket, path] = /^gs:\/\/([a-z0-9][\w.-]{1,220}[a-z0-9])(?:\/(.*))?$/.exec(uri) ?? [];
  if (bucket === undefined) {
    throw new StorageError(`'${uri}' is not a folder of Cloud Storage: write gs://BUCKET/FOLDER`);
  }
  const prefix = path ? `${path.replace(/\/+$/, "")}/` : "";
  const failed = new AbortController();
  const client = new Client({ ...context, signal: AbortSignal.any([context.signal, failed.signal]) });
  const objects = (await client.list(bucket, prefix)).filter(({ name }) => !name.endsWith("/"));
  if (objects.length === 0) {
    throw new StorageError(`'${uri}' contains no objects: check the bucket, the path and the permissions`);
  }
  for (const { name } of objects) demandInside(name.slice(prefix.length), uri);
  const left = [...objects];
  const fetchNext = async () => {
    for (let object = left.shift(); object !== undefined; object = left.shift()) {
      const target = `${folder}/${object.name.slice(prefix.length)}`;
      Deno.mkdirSync(target.slice(0, target.lastIndexOf("/")), { recursive: true });
      await client.fetchObject(bucket, object, target);
    }
  };
  // Stop all downloads at the first failure: the caller may remove the folder.
  await Promise.all(Array.from({ length: AT_ONCE }, () => fetchNext().catch((error) => failed.abort(error))));
  failed.signal.throwIfAborted();
  return { files: objects.length, bytes: objects.reduce((sum, { size }) => sum + Number(size), 0) };
}

/** Checks an object's name, which may be any text. @throws {StorageError} if it is not a path inside the folder */
function demandInside(name: string, uri: string): void {
  if (name.split("/").some((part) => part === "" || part === "." || part === "..") || name.includes("\0")) {
    throw new StorageError(`'${uri}' contains an object whose name is not a safe path: '${name}'`);
  }
}

/** Makes requests, with retries and a token. */
class Client {
  readonly #context: StorageContext;
  readonly #api: string;
  /** The metadata server's host; undefined for an emulator, which needs no token. */
  readonly #metadata: string | undefined;
  #token: { readonly text: string; readonly until: number } | undefined;

  constructor(context: StorageContext) {
    this.#context = context;
    const { env } = context;
    const emulator = env("STORAGE_EMULATOR_HOST");
    this.#api = emulator ? (emulator.includes("://") ? emulator : `http://${emulator}`).replace(/\/+$/, "") : API;
    const metadata = env("GCE_METADATA_HOST") || (emulator ? undefined : METADATA_HOST);
    this.#metadata = metadata && `http://${metadata}${TOKEN_PATH}`;
  }

  /** Lists the objects whose names start with `prefix`. */
  async list(bucket: string, prefix: string): Promise<StoredObject[]> {
    const objects: StoredObject[] = [];
    let pageToken = "";
    do {
      const query = new URLSearchParams({ prefix, fields: "items(name,size,md5Hash),nextPageToken", pageToken });
      if (pageToken === "") query.delete("pageToken");
      const page = await this.#get(
        `/storage/v1/b/${encodeURIComponent(bucket)}/o?${query}`,
        `list '${SCHEME}${bucket}/${prefix}'`,
        (response) => response.json() as Promise<{ items?: StoredObject[]; nextPageToken?: string }>,
      );
      objects.push(...page.items ?? []);
      pageToken = page.nextPageToken ?? "";
    } while (pageToken !== "");
    return objects;
  }

  /** Fetches an object into a file, and checks length and checksum. */
  async fetchObject(bucket: string, { name, size, md5Hash }: StoredObject, target: string): Promise<void> {
    const what = `fetch '${SCHEME}${bucket}/${name}'`;
    const path = `/storage/v1/b/${encodeURIComponent(bucket)}/o/${encodeURIComponent(name)}?alt=media`;
    await this.#get(path, what, async (response, heard) => {
      const md5 = createHash("md5");
      let length = 0;
      using file = await Deno.open(target, { write: true, create: true, truncate: true });
      for await (const chunk of response.body ?? []) {
        heard();
        md5.update(chunk);
        length += chunk.length;
        for (let written = 0; written < chunk.length;) written += await file.write(chunk.subarray(written));
      }
      if (length !== Number(size)) throw new Error(`received ${length} of ${size} bytes`);
      if (md5Hash !== undefined && md5.digest("base64") !== md5Hash) throw new Error("its checksum does not match");
    });
  }

  /** Makes a GET request, with retries. @param read gets the response, and a function to call whenever data arrives */
  async #get<T>(path: string, what: string, read: (response: Response, heard: () => void) => Promise<T>): Promise<T> {
    for (let attempt = 1;; attempt++) {
      const reason = await this.#try(path, read);
      if ("value" in reason) return reason.value;
      this.#context.signal.throwIfAborted();
      if (reason.final || attempt === ATTEMPTS) throw new StorageError(`Could not ${what}: ${reason.message}`);
      await pause(
        (this.#context.firstPauseMs ?? FIRST_PAUSE_MS) * 2 ** (attempt - 1) * (0.5 + Math.random() / 2),
        this.#context.signal,
      );
    }
  }

  async #try<T>(
    path: string,
    read: (response: Response, heard: () => void) => Promise<T>,
  ): Promise<{ readonly value: T } | { readonly message: string; readonly final: boolean }> {
    const silence = new AbortController();
    let heardAt = performance.now();
    const timer = setInterval(() => {
      if (performance.now() - heardAt > SILENCE_MS) silence.abort(new Error(`no data for ${SILENCE_MS / 1000} s`));
    }, 1000);
    const signal = AbortSignal.any([this.#context.signal, silence.signal]);
    try {
      const headers = await this.#authorization(signal);
      const response = await fetch(`${this.#api}${path}`, { headers, signal, redirect: "error" });
      if (response.ok) return { value: await read(response, () => heardAt = performance.now()) };
      const { status } = response;
      await response.body?.cancel();
      return { message: `${this.#api} answered ${status}${adviceFor(status)}`, final: !isPassing(status) };
    } catch (error) {
      if (error instanceof StorageError) return { message: error.message, final: true };
      return { message: messageOf(error), final: false };
    } finally {
      clearInterval(timer);
    }
  }

  async #authorization(signal: AbortSignal): Promise<Record<string, string>> {
    if (this.#metadata === undefined) return {};
    if (this.#token === undefined || this.#token.until < Date.now()) {
      const response = await fetch(this.#metadata, { headers: { "metadata-flavor": "Google" }, signal });
      if (!response.ok) {
        await response.body?.cancel();
        const message = `${this.#metadata} answered ${response.status} instead of a token`;
        throw isPassing(response.status) ? new Error(message) : new StorageError(message);
      }
      const { access_token, expires_in } = await response.json();
      this.#token = { text: String(access_token), until: Date.now() + Number(expires_in) * 1000 - TOKEN_MARGIN_MS };
    }
    return { authorization: `Bearer ${this.#token.text}` };
  }
}

/** Whether a retry may succeed: https://cloud.google.com/storage/docs/retry-strategy */
function isPassing(status: number): boolean {
  return status === 408 || status === 429 || status >= 500;
}

function adviceFor(status: number): string {
  if (status === 401 || status === 403) return ": check that this machine's service account may read it";
  return status === 404 ? ": check that the bucket exists" : "";
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", end);
      resolve();
    }, ms);
    signal.addEventListener("abort", end, { once: true });
  });
}
