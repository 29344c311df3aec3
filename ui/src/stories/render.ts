/** Renders a story in a simulated browser: the whole panel at an address, in front of the recorded cluster. */

import { createElement } from "react";
import { vi } from "vitest";
import type { Method } from "@/api/client";
import type { Rights } from "@/api/rights";
import type { Story } from "./story";

export interface Rendered {
  /** What the story requested, and what the recording could not answer. */
  requested: [Method, string][];
  unanswered: string[];
  /** What the browser reported as an error. */
  errors: string[];
  close: () => void;
}

/** A canvas that draws nothing: the simulated browser has none. */
function stubCanvas(): void {
  const context: unknown = new Proxy({} as Record<string | symbol, unknown>, {
    get: (kept, key) => kept[key] ?? (key === "measureText" ? () => ({ width: 10 }) : () => undefined),
  });
  HTMLCanvasElement.prototype.getContext = (() => context) as typeof HTMLCanvasElement.prototype.getContext;
  vi.stubGlobal(
    "Path2D",
    class {
      moveTo() {}
      lineTo() {}
      rect() {}
      arc() {}
      closePath() {}
      addPath() {}
      bezierCurveTo() {}
    },
  );
}

/** Open a story. The modules are loaded anew, for the panel keeps its connection and its answers in them. */
export async function renderStory(story: Story, rights?: Rights): Promise<Rendered> {
  vi.resetModules();
  stubCanvas();
  localStorage.clear();
  window.history.replaceState(null, "", story.path);
  const rendered: Omit<Rendered, "close"> = { requested: [], unanswered: [], errors: [] };
  vi.spyOn(console, "error").mockImplementation((...parts) => void rendered.errors.push(parts.map(String).join(" ")));
  const { createRoot } = await import("react-dom/client");
  const { App } = await import("@/app/App");
  const { answerWith } = await import("@/api/client");
  const { makeDemo } = await import("@/demo/demo");
  const { transport, openFeed, cluster } = makeDemo({ signedIn: !story.signedOut, latencyMs: 0 });
  answerWith(async (method, path, body, signal) => {
    rendered.requested.push([method, path.split("?")[0] ?? ""]);
    if (rights && path === "/auth/me") return { status: 200, body: { username: "ada", kind: "person", rights } };
    return transport(method, path, body, signal).catch((error: unknown) => {
      rendered.unanswered.push(`${method} ${path}: ${String(error)}`);
      throw error;
    });
  });
  const place = document.createElement("div");
  document.body.replaceChildren(place);
  const root = createRoot(place);
  root.render(createElement(App, { openFeed }));
  // As much as a page shows after some time: the newest readings are those of the recording.
  cluster.tick(60);
  return {
    ...rendered,
    close: () => {
      root.unmount();
      vi.restoreAllMocks();
    },
  };
}
