/** The project's root, as an absolute path without a slash at its end. */
export const ROOT: string = new URL("..", import.meta.url).pathname.slice(0, -1).replaceAll(
  /(?:%[0-9A-F]{2})+/gi,
  decodeURIComponent,
);
