/** Saves bytes as a file of the visitor. */

/** How long the bytes must stay available for the browser, in ms. */
const KEPT_MS = 10_000;

/** Hands bytes to the browser to save under a name. */
export function save(bytes: Blob, name: string): void {
  // A type that no browser shows: it saves the file in any case.
  const url = URL.createObjectURL(new Blob([bytes], { type: "application/octet-stream" }));
  Object.assign(document.createElement("a"), { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), KEPT_MS);
}
