/** Saves bytes as a file on the visitor's machine. */

/** How long the bytes must stay available for the browser, in ms. */
const KEPT_MS = 10_000;

/** Hands bytes to the browser to save under a name. */
export function save(bytes: Blob, name: string): void {
  // Browsers don't display this type. They save the file.
  const url = URL.createObjectURL(new Blob([bytes], { type: "application/octet-stream" }));
  Object.assign(document.createElement("a"), { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), KEPT_MS);
}
