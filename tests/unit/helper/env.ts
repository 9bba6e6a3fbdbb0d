/** Environments of tests. */

/** An environment that has these variables and no others. */
export function fakeEnv(variables: Readonly<Record<string, string>> = {}): (name: string) => string | undefined {
  return (name) => Object.hasOwn(variables, name) ? variables[name] : undefined;
}
