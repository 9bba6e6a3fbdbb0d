/** Finds the folder of the cache. */

/** The cache folder: `AIMODELLIB_CACHE_DIR`, or the one of the XDG specification; undefined if neither is set. */
export function cacheDir(env: (name: string) => string | undefined): string | undefined {
  const own = env("AIMODELLIB_CACHE_DIR");
  if (own) return own;
  const xdg = env("XDG_CACHE_HOME") || (env("HOME") && `${env("HOME")}/.cache`);
  return xdg ? `${xdg}/aimodellib` : undefined;
}
