/** Counts tests: passed, failed and skipped ones. */

/** How many there were of each. */
export interface Count {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** One test that passed, failed or was skipped. */
export const ONE = {
  passed: { passed: 1, failed: 0, skipped: 0 },
  failed: { passed: 0, failed: 1, skipped: 0 },
  skipped: { passed: 0, failed: 0, skipped: 1 },
} as const;

/** All of them together. */
export function sum(counts: readonly Count[]): Count {
  return counts.reduce((a, b) => ({
    passed: a.passed + b.passed,
    failed: a.failed + b.failed,
    skipped: a.skipped + b.skipped,
  }), { passed: 0, failed: 0, skipped: 0 });
}

/** Counts the test cases in a report in JUnit's format, as `deno test` and pytest write it. */
export function countJunit(xml: string): Count {
  const counts: Count[] = [];
  for (
    const [, attributes = "", body = ""] of xml.matchAll(/<testcase\b((?:"[^"]*"|[^">])*)>([\s\S]*?)(?=<testcase\b|$)/g)
  ) {
    const inside = attributes.endsWith("/") ? "" : body;
    if (/<(failure|error)\b/.test(inside)) counts.push(ONE.failed);
    else counts.push(inside.includes("<skipped") ? ONE.skipped : ONE.passed);
  }
  return sum(counts);
}
