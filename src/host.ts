/** Converts addresses between the forms of options and URLs. */

/** An address without the brackets that URLs put around IPv6 addresses: `::1` for `[::1]`. */
export function addressOf(host: string): string {
  return /^\[(.*:.*)\]$/.exec(host)?.[1] ?? host;
}

/** Address and port in the form of a URL, such as `[::1]:8080`. */
export function authority(host: string, port: number): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}
