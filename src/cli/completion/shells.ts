/** The shells whose command lines can be completed. */

/** The names of the shells, as users type them. */
export const SHELLS = ["bash", "zsh", "fish", "nu", "pwsh"] as const;
