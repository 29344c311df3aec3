/** Navigation, top bar, and the page between them. */

import { Component, type ReactNode, Suspense, useEffect } from "react";
import { Navigate, Route, Routes, useLocation } from "react-router";
import { bus, type OpenFeed } from "@/live/bus";
import { useWanted } from "@/live/hooks";
import { ofClusterLogs, ofExperiment, ofMonitors } from "@/live/topics";
import { useFrame } from "@/parts/experiment";
import { Empty, Problem, Waiting } from "@/parts/Problem";
import css from "./app.module.css";
import { BottomNavigation, SideNavigation } from "./Navigation";
import { pages } from "./pages";
import type { Person } from "./session";
import { TopBar } from "./TopBar";

/** Error boundary around a page: the navigation stays usable. */
class ErrorBoundary extends Component<{ children: ReactNode; place: string }, { error: Error | undefined }> {
  override state = { error: undefined };

  static getDerivedStateFromError(error: Error): { error: Error } {
    return { error };
  }

  override componentDidUpdate(before: { place: string }): void {
    if (before.place !== this.props.place && this.state.error) this.setState({ error: undefined });
  }

  override render(): ReactNode {
    return this.state.error ? (
      <Problem
        error={this.state.error}
        action={<p className="soft">Reload the page. If the error persists, report the message above.</p>}
      />
    ) : (
      this.props.children
    );
  }
}

function SubscribeToExperiment({ experiment }: { experiment: string }) {
  useWanted(ofExperiment(experiment));
  return null;
}

function SubscribeToCluster() {
  useWanted(ofMonitors);
  useWanted(ofClusterLogs);
  return null;
}

export function Shell({ person, openFeed }: { person: Person; openFeed: OpenFeed }) {
  const { current, error, fetching } = useFrame();
  const { pathname } = useLocation();
  useEffect(() => bus.open(openFeed), [openFeed]);
  return (
    <div className={css.shell}>
      <a href="#content" className={css.skip}>
        Skip to content
      </a>
      <SideNavigation />
      <TopBar person={person} />
      <SubscribeToCluster />
      {current && <SubscribeToExperiment key={current.experiment} experiment={current.experiment} />}
      <main id="content" className={css.content} tabIndex={-1}>
        <ErrorBoundary place={pathname}>
          <Suspense fallback={<Waiting what="the page" />}>
            {fetching && !error ? (
              <Waiting what="experiments" />
            ) : error ? (
              <Problem error={error} />
            ) : (
              <Routes>
                <Route path="/" element={<Navigate to="/overview" replace />} />
                {pages.map(({ path, Component: Page }) => (
                  <Route key={path} path={`${path}/*`} element={<Page />} />
                ))}
                <Route
                  path="*"
                  element={
                    <Empty title="Page not found.">
                      <a href="/overview">Go to the overview</a>
                    </Empty>
                  }
                />
              </Routes>
            )}
          </Suspense>
        </ErrorBoundary>
      </main>
      <BottomNavigation />
    </div>
  );
}
