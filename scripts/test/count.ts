/** Reads reports of tests: how many passed, failed and were skipped, and which files took the longest. */

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

/** A test case of a report. */
interface TestCase {
  /** Its file or, from pytest, its module. */
  readonly file: string;
  readonly seconds: number;
  readonly body: string;
}

/**
 * Counts the test cases in a report in JUnit's format, as `deno test` and pytest write it. A step of a test, which
 * `deno test` lists as "test > step", is no test of its own: when it fails, so does its test.
 */
export function countJunit(xml: string): Count {
  return sum(
    casesOf(xml).map(({ body }) => {
      if (/<(failure|error)\b/.test(body)) return ONE.failed;
      return body.includes("<skipped") ? ONE.skipped : ONE.passed;
    }),
  );
}

/** Describes the files of a report that took the longest, one a line: the seconds of their tests, and the name. */
export function slowestFiles(xml: string, most: number): readonly string[] {
  const seconds = new Map<string, number>();
  for (const each of casesOf(xml)) seconds.set(each.file, (seconds.get(each.file) ?? 0) + each.seconds);
  return [...seconds].sort((a, b) => b[1] - a[1]).slice(0, most).map(([file, time]) =>
    `${time.toFixed(1).padStart(7)} s  ${file}`
  );
}

/** The test cases of a report, without steps. */
function casesOf(xml: string): readonly TestCase[] {
  const cases = [...xml.matchAll(TEST_CASE)].map(([, attributes = "", body = ""]) => ({
    name: /\bname="([^"]*)"/.exec(attributes)?.[1] ?? "",
    file: /\bclassname="(?:\.\/)?([^"]*)"/.exec(attributes)?.[1] ?? "",
    seconds: Number(/\btime="([\d.]+)"/.exec(attributes)?.[1] ?? 0),
    body: attributes.endsWith("/") ? "" : body,
  }));
  const names = new Set(cases.map(({ name }) => name));
  const isStep = (name: string) => {
    for (let at = name.indexOf(STEP); at >= 0; at = name.indexOf(STEP, at + 1)) {
      if (names.has(name.slice(0, at))) return true;
    }
    return false;
  };
  return cases.filter(({ name }) => !isStep(name));
}
