/** Addresses to listen on, as options name them and as URLs do. */

/** An address as systems take it: of `[::1]`, which is how a URL has an IPv6 address, `::1`. */
export function addressOf(host: string): string {
  return /^\[(.*:.*)\]$/.exec(host)?.[1] ?? host;
}

/** An address and a port as a URL has them, such as `[::1]:8080`. */
export function authority(host: string, port: number): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}
