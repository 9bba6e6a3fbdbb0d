/** What the program may do. */

/**
 * Gives back what no command needs: native libraries, and facts about the system. The executable begins with everything
 * (`scripts/build/compile.ts` says why), and what was given back can't be had again.
 */
export function dropPermissions(): void {
  for (const name of ["ffi", "sys"] as const) Deno.permissions.revokeSync({ name });
}
