// @vitest-environment happy-dom
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { matchPath } from "react-router";
import { afterAll, describe, expect, it, vi } from "vitest";
import { pages } from "@/app/pages";
import { patternOf } from "@/demo/leader";
import { recordedFiles } from "@/demo/recording";
import { allStories } from "./all";
import { renderStory } from "./render";

const FEATURES = join(import.meta.dirname, "..", "features");

/** Addresses below a page, as its routes declare them. */
function routesBelow(feature: string): string[] {
  const sources = readdirSync(join(FEATURES, feature)).filter((name) => name.endsWith(".tsx"));
  const found = sources.flatMap((name) => [
    ...readFileSync(join(FEATURES, feature, name), "utf8").matchAll(/<Route\s+(?:index|path="([^"]+)")/g),
  ]);
  return found.length === 0 ? [""] : found.map(([, path]) => (path === undefined ? "" : `/${path}`));
}

/** Every address of the panel, parameters as `:name`. */
const routes = pages.flatMap(({ path, part: _ }) => {
  const feature =
    path === "/experiment-profiles"
      ? "profiles"
      : path === "/logs"
        ? "events"
        : path === "/config"
          ? "configuration"
          : path.slice(1);
  return routesBelow(feature).map((below) => path + below);
});

it.each(routes)("%s has a story", (route) => {
  const found = allStories.some(({ path }) => matchPath(route, path.split("?")[0] ?? "") !== null);
  expect(found).toBe(true);
});

const requested = new Set<string>();

describe("story", () => {
  it.each(allStories.map((story) => [`${story.path}: ${story.name}`, story] as const))(
    "%s",
    async (_, story) => {
      const { errors, unanswered, close, requested: asked } = await renderStory(story);
      try {
        await vi.waitFor(() => {
          const headings = [...document.querySelectorAll("h1")].map((one) => one.textContent);
          expect(headings).toEqual([expect.stringMatching(story.heading)]);
          expect(unanswered).toEqual([]);
          for (const text of story.shows ?? []) expect(document.body.textContent).toMatch(text);
          if (!story.signedOut) expect(document.title).toContain(headings[0]);
        }, 8000);
        const alerts = [...document.querySelectorAll("[role=alert]")].map((one) => one.textContent);
        expect(alerts).toEqual((story.alerts ?? []).map((alert) => expect.stringMatching(alert)));
        expect(errors).toEqual([]);
      } finally {
        asked.forEach(([method, path]) => requested.add(`${method} ${decodeURIComponent(path)}`));
        close();
      }
    },
    20_000,
  );
});

/** Requested by dialogs, which stories do not open. */
const DIALOGS = /\/automations\/descriptors\/|\/verify$/;

afterAll(() => {
  const shown = (path: string): boolean => {
    const pattern = patternOf(path.replace(/worker\d/g, "{unit}"));
    return [...requested].some((one) => pattern.test(one.replace(/^\w+ /, "")));
  };
  const unused = Object.keys(recordedFiles().answers.answers).filter((path) => !shown(path) && !DIALOGS.test(path));
  expect(unused, "recorded for no story").toEqual([]);
});
