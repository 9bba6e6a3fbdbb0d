/** Counts tests: passed, failed and skipped ones. */

/** The number of tests by their outcome. */
export interface Count {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** The count of a single test, by its outcome. */
export const ONE = {
  passed: { passed: 1, failed: 0, skipped: 0 },
  failed: { passed: 0, failed: 1, skipped: 0 },
  skipped: { passed: 0, failed: 0, skipped: 1 },
} as const;

/** The sum of several counts. */
export function sum(counts: readonly Count[]): Count {
  return counts.reduce((a, b) => ({
    passed: a.passed + b.passed,
    failed: a.failed + b.failed,
    skipped: a.skipped + b.skipped,
  }), { passed: 0, failed: 0, skipped: 0 });
}

const STEP = " &gt; ";

/** A test case, from its attributes to the next one. */
const TEST_CASE = /<testcase\b((?:"[^"]*"|[^">])*)>([\s\S]*?)(?=<testcase\b|$)/g;

/**
 * Counts the test cases in a report in JUnit's format, as `deno test` and pytest write it. A step of a test, which
 * `deno test` lists as "test > step", does not count as a test: when it fails, its test fails as well.
 */
export function countJunit(xml: string): Count {
  const cases = [...xml.matchAll(TEST_CASE)].map(([, attributes = "", body = ""]) => ({
    name: /\bname="([^"]*)"/.exec(attributes)?.[1] ?? "",
    body: attributes.endsWith("/") ? "" : body,
  }));
  const names = new Set(cases.map(({ name }) => name));
  const isStep = (name: string) => {
    for (let at = name.indexOf(STEP); at >= 0; at = name.indexOf(STEP, at + 1)) {
      if (names.has(name.slice(0, at))) return true;
    }
    return false;
  };
  return sum(
    cases.filter(({ name }) => !isStep(name)).map(({ body }) => {
      if (/<(failure|error)\b/.test(body)) return ONE.failed;
      return body.includes("<skipped") ? ONE.skipped : ONE.passed;
    }),
  );
}
