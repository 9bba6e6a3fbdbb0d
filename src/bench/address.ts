/** Encodes addresses for the C library. */

import { unixAddress } from "../unix_address.ts";

const AF_INET = 2;
const AF_INET6 = 10;

/** Makes a `struct sockaddr` of an address with numbers. Undefined if it has a form that is not known. */
export function socketAddress(address: Deno.Addr): Uint8Array<ArrayBuffer> | undefined {
  if (address.transport === "unix") return unixAddress(address.path);
  if (address.transport !== "tcp") return undefined;
  const { hostname, port } = address;
  const is6 = hostname.includes(":");
  const bytes = is6 ? ipv6(hostname) : ipv4(hostname);
  if (bytes === undefined) return undefined;
  const encoded = new Uint8Array(is6 ? 28 : 16);
  const view = new DataView(encoded.buffer);
  view.setUint16(0, is6 ? AF_INET6 : AF_INET, true);
  view.setUint16(2, port);
  encoded.set(bytes, is6 ? 8 : 4);
  return encoded;
}

function ipv4(text: string): Uint8Array | undefined {
  const numbers = text.split(".").map(Number);
  return numbers.length === 4 && numbers.every((number) => Number.isInteger(number) && number >= 0 && number < 256)
    ? new Uint8Array(numbers)
    : undefined;
}

/** Without a zone: an address that has one needs the number of its interface. */
function ipv6(text: string): Uint8Array | undefined {
  // The parser of URLs expands all forms, including those that end like IPv4.
  const host = URL.parse(`http://[${text}]`)?.hostname.slice(1, -1);
  if (host === undefined) return undefined;
  const [before = "", after] = host.split("::");
  const groups = (part: string) => part === "" ? [] : part.split(":").map((group) => parseInt(group, 16));
  const [start, end] = [groups(before), groups(after ?? "")];
  const all = [...start, ...Array<number>(8 - start.length - end.length).fill(0), ...end];
  return new Uint8Array(all.flatMap((group) => [group >> 8, group & 255]));
}
