/**
 * Reads from Google Cloud Storage by its JSON API (https://cloud.google.com/storage/docs/json_api/v1), with a token of the
 * machine's service account from the metadata server
 * (https://cloud.google.com/compute/docs/metadata/predefined-metadata-keys).
 */

import { messageOf } from "../errors.ts";
import { StorageError } from "./errors.ts";
import {
  ATTEMPTS,
  type OpenObject,
  pause,
  SILENCE_MS,
  silenceError,
  type StorageContext,
  type Store,
  type StoredObject,
} from "./store.ts";

const API = "https://storage.googleapis.com";
const METADATA_HOST = "metadata.google.internal";
const TOKEN_PATH = "/computeMetadata/v1/instance/service-accounts/default/token";

/** A token is renewed when it expires in less than this, in ms. */
const TOKEN_MARGIN_MS = 60_000;

/** A page of a listing, as the API sends it. */
interface Page {
  readonly items?: readonly {
    readonly name: string;
    /** A decimal number of bytes. */
    readonly size: string;
    /** Base64; undefined for an object that was composed of others. */
    readonly md5Hash?: string;
    readonly generation?: string;
    readonly contentEncoding?: string;
  }[];
  readonly nextPageToken?: string;
}

/** Cloud Storage. `STORAGE_EMULATOR_HOST` and `GCE_METADATA_HOST` name other servers, as for Google's own clients. */
export class CloudStorage implements Store {
  readonly #context: StorageContext;
  readonly #api: string;
  /** The URL of tokens; undefined for an emulator, which needs none. */
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

  async *list(bucket: string, prefix: string): AsyncGenerator<readonly StoredObject[]> {
    let pageToken: string | undefined;
    do {
      const fields = "items(name,size,md5Hash,generation,contentEncoding),nextPageToken";
      const query = new URLSearchParams({ prefix, fields, ...(pageToken !== undefined && { pageToken }) });
      const path = `/storage/v1/b/${encodeURIComponent(bucket)}/o?${query}`;
      const page = await this.#get(path, {}, `list 'gs://${bucket}/${prefix}'`, this.#context.signal, readPage);
      yield (page.items ?? []).map(({ name, size, md5Hash, generation, contentEncoding }) => ({
        name,
        size: Number(size),
        md5: md5Hash && Uint8Array.fromBase64(md5Hash).toHex(),
        // Cloud Storage or fetch() decompresses it, as Google's own programs do.
        isDecoded: contentEncoding === "gzip",
        version: generation,
      }));
      pageToken = page.nextPageToken || undefined;
    } while (pageToken !== undefined);
  }

  open(bucket: string, { name, version }: StoredObject, start: number, signal: AbortSignal): Promise<OpenObject> {
    const query = new URLSearchParams({ alt: "media", ...(version !== undefined && { generation: version }) });
    const path = `/storage/v1/b/${encodeURIComponent(bucket)}/o/${encodeURIComponent(name)}?${query}`;
    const headers = start > 0 ? { range: `bytes=${start}-` } : {};
    return this.#get(path, headers, `fetch 'gs://${bucket}/${name}'`, signal, ({ status, body }) =>
      Promise.resolve({
        start: status === 206 ? start : 0,
        body: body ?? new ReadableStream({ start: (controller) => controller.close() }),
        isPlain: true,
      }));
  }

  [Symbol.dispose](): void {}

  /** Makes a GET request, with retries. @param read gets the response */
  async #get<T>(
    path: string,
    headers: Readonly<Record<string, string>>,
    what: string,
    signal: AbortSignal,
    read: (response: Response) => Promise<T>,
  ): Promise<T> {
    for (let attempt = 1;; attempt++) {
      const reason = await this.#try(path, headers, signal, read);
      if ("value" in reason) return reason.value;
      signal.throwIfAborted();
      if (reason.final || attempt === ATTEMPTS) throw new StorageError(`Could not ${what}: ${reason.message}`);
      await pause(attempt, this.#context);
    }
  }

  async #try<T>(
    path: string,
    headers: Readonly<Record<string, string>>,
    outer: AbortSignal,
    read: (response: Response) => Promise<T>,
  ): Promise<{ readonly value: T } | { readonly message: string; readonly final: boolean }> {
    const silence = new AbortController();
    const timer = setTimeout(() => silence.abort(silenceError()), SILENCE_MS);
    const signal = AbortSignal.any([outer, silence.signal]);
    try {
      const authorized = { ...headers, ...await this.#authorization(signal) };
      const response = await fetch(`${this.#api}${path}`, { headers: authorized, signal, redirect: "error" });
      if (response.ok) return { value: await read(response) };
      const { status } = response;
      await response.body?.cancel();
      return { message: `${this.#api} answered ${status}${adviceFor(status)}`, final: !isPassing(status) };
    } catch (error) {
      if (error instanceof StorageError) return { message: error.message, final: true };
      return { message: messageOf(error), final: false };
    } finally {
      clearTimeout(timer);
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

function readPage(response: Response): Promise<Page> {
  return response.json();
}

/** Whether a retry may succeed: https://cloud.google.com/storage/docs/retry-strategy */
function isPassing(status: number): boolean {
  return status === 408 || status === 429 || status >= 500;
}

function adviceFor(status: number): string {
  if (status === 401 || status === 403) return ": check that this machine's service account may read it";
  return status === 404 ? ": check that the bucket exists" : "";
}
