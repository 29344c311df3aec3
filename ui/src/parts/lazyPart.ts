/** Parts of the panel that are loaded when they are first shown. */

import { type ComponentType, type LazyExoticComponent, lazy } from "react";

/** A page younger than this [ms] is not reloaded by itself: what fails right after loading would fail for ever. */
const MIN_AGE_MS = 10_000;
const RETRY_MS = 500;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

interface Page {
  ageMs: () => number;
  reload: () => void;
}

const thisPage: Page = { ageMs: () => performance.now(), reload: () => location.reload() };

/**
 * Load a part; once more after a moment when it fails, for a connection that was cut. What fails twice is a part of a
 * release that the leader no longer has: the page is loaded again, with the parts of the present one.
 */
export async function loadPart<T>(load: () => Promise<T>, page: Page = thisPage): Promise<T> {
  try {
    return await load();
  } catch {
    await pause(RETRY_MS);
  }
  try {
    return await load();
  } catch (error) {
    if (page.ageMs() < MIN_AGE_MS) throw error;
    page.reload();
    return new Promise(() => undefined);
  }
}

export const lazyPart = <Props>(
  load: () => Promise<{ default: ComponentType<Props> }>,
): LazyExoticComponent<ComponentType<Props>> => lazy(() => loadPart(load));

/** A component whose code is loaded when it is first shown, or before. */
export interface Part {
  Lazy: LazyExoticComponent<ComponentType>;
  /** What shows at once: React shows `Lazy` no sooner than 300 ms after it showed that something waits. */
  loaded: ComponentType | undefined;
  /** Load the code now; a failure is met again when the part is shown. */
  preload: () => Promise<void>;
}

export function preloadablePart(load: () => Promise<{ default: ComponentType }>): Part {
  const part: Part = {
    Lazy: lazyPart(load),
    loaded: undefined,
    preload: () =>
      load().then(
        ({ default: loaded }) => {
          part.loaded = loaded;
        },
        () => undefined,
      ),
  };
  return part;
}
