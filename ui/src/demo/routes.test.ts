import { readFileSync } from "node:fs";
import { expect, it } from "vitest";

/** Methods per path of the leader's OpenAPI document, as a pattern, parameters standing for any segment. */
function documentedPaths(): Map<string, Set<string>> {
  const file = new URL("../../../docs/reference/openapi.json", import.meta.url);
  const { paths } = JSON.parse(readFileSync(file, "utf8")) as { paths: Record<string, Record<string, unknown>> };
  return new Map(
    Object.entries(paths).map(([path, methods]) => [
      `^${path.replaceAll("$", "\\$").replace(/\{[^}]+\}/g, "[^/]+")}$`,
      new Set(Object.keys(methods).map((method) => method.toUpperCase())),
    ]),
  );
}

/** Method and pattern of each route that the demo mode answers. */
function fakedRoutes(): [string, string][] {
  return ["leader.ts", "calibrations.ts"].flatMap((name) => {
    const source = readFileSync(new URL(name, import.meta.url), "utf8");
    return [...source.matchAll(/"(GET|POST|PUT|PATCH|DELETE)",\s*\/(\^.+?\$)\//g)].map(
      ([, method = "", pattern = ""]): [string, string] => [method, pattern],
    );
  });
}

it("finds the routes of the demo mode", () => expect(fakedRoutes().length).toBeGreaterThan(30));

/** A path that a pattern of the demo mode answers. */
const sampleOf = (pattern: string): string =>
  pattern
    .replace(/^\^|\$$/g, "")
    .replace(/\(\[\^\/\]\+\)|\(\.\+\)|\[\^\/\]\+/g, "sample")
    .replace(/\((?:\?:)?([^()|]*)(?:\|[^()]*)?\)\??/g, "$1")
    .replaceAll("\\", "");

it.each(fakedRoutes())("%s %s exists in the leader's OpenAPI document", (method, pattern) => {
  const sample = sampleOf(pattern);
  const found = [...documentedPaths()].some(([path, methods]) => new RegExp(path).test(sample) && methods.has(method));
  expect(found, sample).toBe(true);
});
