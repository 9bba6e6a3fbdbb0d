/** What the stores have in common: their interface, and how requests are repeated. */

/** The environment of a download, and its abort signal. */
export interface StorageContext {
  /** Variables that name servers, regions and credentials, as for the stores' own clients. */
  readonly env: (name: string) => string | undefined;
  readonly signal: AbortSignal;
  /** The pause before the first retry, which doubles each time, in ms. */
  readonly firstPauseMs?: number | undefined;
}

/** An object of a listing. */
export interface StoredObject {
  /** Its name in the bucket, which may be any text. */
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  /** In hexadecimal; undefined if the store has none. */
  readonly md5: string | undefined;
  /**
   * Whether it is stored compressed, and arrives decompressed: then its size and its MD5 are not those of what arrives, and a download
   * can't begin in the middle.
   */
  readonly isDecoded: boolean;
  /** Identifies this content of the object, for the store; undefined if the store has no such thing. */
  readonly version: string | undefined;
}

/** An object whose content arrives. */
export interface OpenObject {
  /** Where the content begins, in bytes: the place that was asked for, or 0 if the store sends the whole object. */
  readonly start: number;
  readonly body: ReadableStream<Uint8Array>;
  /** Whether the MD5 in the listing is the checksum of this content: the store may have encrypted it. */
  readonly isPlain: boolean;
}

/** A store of objects. It repeats requests that fail before an answer begins. */
export interface Store extends Disposable {
  /** Lists the objects whose names start with `prefix`, page by page. @throws {StorageError} if that fails */
  list(bucket: string, prefix: string): AsyncIterable<readonly StoredObject[]>;
  /**
   * Asks for an object's content from byte `start` on.
   *
   * @param signal aborts the request and the content
   * @throws {StorageError} if another attempt won't help
   */
  open(bucket: string, object: StoredObject, start: number, signal: AbortSignal): Promise<OpenObject>;
}

/** The number of attempts for a request, and the first pause between two, in ms. */
export const ATTEMPTS = 5;
const FIRST_PAUSE_MS = 500;

/** The longest silence of a server before an attempt is given up, in ms. */
export const SILENCE_MS = 60_000;

/** The error of a server that was silent for too long. */
export function silenceError(): Error {
  return new Error(`no data for ${SILENCE_MS / 1000} s`);
}

/** Waits before the attempt after `failures` failed ones. @throws the signal's reason if it is aborted */
export function pause(failures: number, { signal, firstPauseMs = FIRST_PAUSE_MS }: StorageContext): Promise<void> {
  const ms = firstPauseMs * 2 ** (failures - 1) * (0.5 + Math.random() / 2);
  return new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    if (signal.aborted) return reject(signal.reason);
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", end);
      resolve();
    }, ms);
    signal.addEventListener("abort", end, { once: true });
  });
}
