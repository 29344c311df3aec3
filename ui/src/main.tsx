/** Starts the page: with the leader it came from, or, in the demonstration build, with a recording. */

import "./app/styles";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App, client } from "./app/App";
import { preloadPage } from "./app/pages";
import { prime } from "./app/prime";
import { brokerFeed } from "./live/broker";
import type { OpenFeed } from "./live/bus";

async function begin(): Promise<void> {
  let openFeed: OpenFeed = brokerFeed;
  if (import.meta.env.MODE === "demo" || (import.meta.env.DEV && location.search.includes("demo"))) {
    openFeed = (await import("./demo/demo")).startDemo();
  }
  const root = document.getElementById("root");
  if (!root) throw new Error("the page has no root element");
  const [{ pathname, search }] = await Promise.all([prime(client, location), preloadPage(location.pathname)]);
  if (pathname + search !== location.pathname + location.search)
    history.replaceState(null, "", pathname + search + location.hash);
  createRoot(root).render(
    <StrictMode>
      <App openFeed={openFeed} />
    </StrictMode>,
  );
}

void begin();
