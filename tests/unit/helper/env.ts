/** Fake environments for tests. */

/** Makes an environment with these variables and no others. */
export function fakeEnv(variables: Readonly<Record<string, string>> = {}): (name: string) => string | undefined {
  return (name) => Object.hasOwn(variables, name) ? variables[name] : undefined;
}
