/** The name of the note that `unpack` leaves in the root of a folder (see `origin.ts`). */
export const ORIGIN_NAME = ".aimodellib-origin.json";
