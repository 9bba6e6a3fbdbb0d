/**
 * Opens the socket of the server: TCP, TLS or Unix.
 *
 * It imports nothing of the server, which is loaded while the first Python starts: a port that is in use is found before. Until then, the
 * system keeps connections waiting.
 */

import { authority } from "../host.ts";
import { messageOf, UsageError } from "../errors.ts";
import { readText } from "../files.ts";

/** File mode of a Unix socket: read and write for its user and group. */
const UNIX_MODE = 0o660;

/** The address to listen on, and the certificate to use. */
export interface ListenOptions {
  /** Address or name of the interface. */
  readonly host: string;
  /** The port; 0 picks a free one. */
  readonly port: number;
  /** The option that sets the port, for errors. @default "--port" */
  readonly option?: string | undefined;
  /** Paths of a certificate's chain and of its key, in PEM; without them, connections are not encrypted. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
}

/** An open socket whose connections nobody accepts yet. Disposing closes it, and removes the name of a Unix socket. */
export interface Bound extends Disposable {
  readonly listener: Deno.Listener<Deno.Conn, Deno.Addr>;
  /** Where it can be reached, such as `http://127.0.0.1:8080`, or `unix:/run/model.sock`. */
  readonly url: string;
  /** Gives a hidden Unix socket its name. @throws {UsageError} if there is something of that name */
  show(): Promise<void>;
  /** Removes the name of a Unix socket: nobody can connect any more, and those who have wait to be accepted. */
  hide(): void;
  /**
   * Opens another socket at the same address if the certificate or the key has changed.
   *
   * @throws {UsageError} if they can't be read, or do not match
   */
  renewed(): Bound | undefined;
}

/**
 * Opens a TCP socket.
 *
 * @throws {UsageError} if the address can't be listened on, or there is no such certificate
 */
export function bind(options: ListenOptions): Bound {
  // With TLS, a socket shares its port with the next one of this server, but would do so with another server as well.
  if (options.tls !== undefined) close(open({ ...options, tls: undefined }, undefined));
  return bindShared(options);
}

function bindShared(options: ListenOptions): Bound {
  const { host, tls } = options;
  const secrets = tls && readSecrets(tls);
  const listener = open(options, secrets);
  const { port } = listener.addr as Deno.NetAddr;
  return {
    listener,
    url: `${tls === undefined ? "http" : "https"}://${authority(host, port)}`,
    renewed() {
      if (tls === undefined) return undefined;
      const { cert, key } = readSecrets(tls);
      return cert === secrets?.cert && key === secrets.key ? undefined : bindShared({ ...options, port });
    },
    // A port has no name.
    show: () => Promise.resolve(),
    hide: () => {},
    [Symbol.dispose]: () => close(listener),
  };
}

/** A certificate's chain and its key, in PEM. */
interface Secrets {
  readonly cert: string;
  readonly key: string;
}

/** What keys with a password have: those of PKCS #8, and those in the older form of OpenSSL. */
const ENCRYPTED = /^(?:-----BEGIN ENCRYPTED PRIVATE KEY-----|Proc-Type: 4,ENCRYPTED)/m;

/** @throws {UsageError} if one of them can't be read, or the key is encrypted */
function readSecrets({ cert, key }: { readonly cert: string; readonly key: string }): Secrets {
  const secrets = { cert: readText(cert, "certificate"), key: readText(key, "key") };
  if (ENCRYPTED.test(secrets.key)) {
    throw new UsageError(
      `The key '${key}' is encrypted, and serve can't ask for its password. Decrypt it: 'openssl pkey -in ${key} -out FILE'`,
    );
  }
  return secrets;
}

/** @throws {UsageError} if that fails */
function open({ host, port, tls, option = "--port" }: ListenOptions, secrets: Secrets | undefined): Bound["listener"] {
  const address = { hostname: host, port };
  try {
    if (secrets === undefined) return Deno.listen(address);
    return Deno.listenTls({ ...address, ...secrets, alpnProtocols: ["http/1.1"], reusePort: true });
  } catch (cause) {
    const reason = messageOf(cause);
    const advice = cause instanceof Deno.errors.AddrInUse
      ? `; choose another port with ${option} (0 takes any that is free)`
      : tls !== undefined && !(cause instanceof Deno.errors.AddrNotAvailable)
      ? `; are '${tls.cert}' and '${tls.key}' a certificate and its key, in PEM?`
      : "";
    throw new UsageError(`Can't listen on ${authority(host, port)}: ${reason}${advice}`, { cause });
  }
}

/**
 * Opens a Unix socket.
 *
 * @param isHidden whether it gets its name only by {@linkcode Bound.show}; until then it is at `PATH.loading`
 * @throws {UsageError} if there is something of that name already, or it can't be made
 */
export async function bindUnix(path: string, isHidden = false): Promise<Bound> {
  await removeStale(path);
  const place = isHidden ? `${path}.loading` : path;
  if (isHidden) await removeStale(place);
  let listener: Bound["listener"];
  try {
    listener = openUnix(place);
  } catch (cause) {
    const reason = messageOf(cause);
    throw new UsageError(`Can't listen on the Unix socket '${place}': ${reason}`, { cause });
  }
  let name: string | undefined = place;
  const hide = () => {
    // Remove the name only once: later it may belong to another server.
    if (name !== undefined) remove(name);
    name = undefined;
  };
  return {
    listener,
    url: `unix:${path}`,
    renewed: () => undefined,
    async show() {
      if (name === path) return;
      await removeStale(path);
      // The server may have been stopped meanwhile.
      if (name === undefined) return;
      try {
        Deno.renameSync(name, path);
      } catch (cause) {
        throw new UsageError(`The Unix socket '${name}' can't be renamed to '${path}': ${messageOf(cause)}`, { cause });
      }
      name = path;
    },
    hide,
    [Symbol.dispose]() {
      close(listener);
      hide();
    },
  };
}

function close(listener: Bound["listener"]): void {
  try {
    listener.close();
  } catch {
    // The server has closed it already.
  }
}

/** Listens on a socket for a proxy of the same user or group. No one else can connect, not before its mode is set either. */
function openUnix(path: string): Bound["listener"] {
  // The umask belongs to the whole process, but no other code runs in between.
  const before = Deno.umask(0o777 & ~UNIX_MODE);
  try {
    const listener = Deno.listen({ transport: "unix", path });
    // A default ACL of the folder overrides the umask.
    Deno.chmodSync(path, UNIX_MODE);
    return listener;
  } finally {
    Deno.umask(before);
  }
}

function remove(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // The socket is already removed.
  }
}

/** Removes the socket of a process that was killed. @throws {UsageError} if a process listens on it, or the file is not a socket */
async function removeStale(path: string): Promise<void> {
  try {
    if (!Deno.lstatSync(path).isSocket) throw new UsageError(`Can't listen on '${path}': there is a file of that name`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  try {
    (await Deno.connect({ transport: "unix", path })).close();
  } catch {
    Deno.removeSync(path);
    return;
  }
  throw new UsageError(`Can't listen on '${path}': another process does`);
}
