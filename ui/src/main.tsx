/** Starts the page: with the leader it came from, or, in the demonstration build, with a recording. */

import "./app/styles";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app/App";
import { brokerFeed } from "./live/broker";
import type { OpenFeed } from "./live/bus";

async function begin(): Promise<void> {
  let openFeed: OpenFeed = brokerFeed;
  if (import.meta.env.MODE === "demo" || (import.meta.env.DEV && location.search.includes("demo"))) {
    openFeed = (await import("./demo/demo")).startDemo();
  }
  const root = document.getElementById("root");
  if (!root) throw new Error("the page has no root element");
  createRoot(root).render(
    <StrictMode>
      <App openFeed={openFeed} />
    </StrictMode>,
  );
}

void begin();
