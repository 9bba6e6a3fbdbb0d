/** Words of the command line that name a server. */

/** Whether a word names a server: `http://…`, `https://…`, or `unix:PATH`. */
export function isUrl(word: string): boolean {
  return /^(https?:\/\/|unix:)/i.test(word);
}
