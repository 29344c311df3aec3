/** Navigation, top bar, and the page between them. */

import { type RefObject, Suspense, useEffect, useRef, useState } from "react";
import { Link, Navigate, Route, Routes, useLocation } from "react-router";
import { bus, type OpenFeed } from "@/live/bus";
import { useWanted } from "@/live/hooks";
import { ofAlarms, ofClusterLogs, ofExperiment, ofMonitors } from "@/live/topics";
import { ErrorBoundary } from "@/parts/ErrorBoundary";
import { useExperimentInAddress, useFrame } from "@/parts/experiment";
import type { Part } from "@/parts/lazyPart";
import { NotFound } from "@/parts/NotFound";
import { PageHeader } from "@/parts/PageHeader";
import { Empty, Problem, Waiting } from "@/parts/Problem";
import { TitleContext, useFirstTitle } from "@/parts/title";
import css from "./app.module.css";
import { ButtonNotice } from "./ButtonNotice";
import { ModelQuestion } from "./ModelQuestion";
import { BottomNavigation, SideNavigation } from "./Navigation";
import { HOME, pageAt, pages } from "./pages";
import type { Person } from "./session";
import { TopBar } from "./TopBar";

function SubscribeToExperiment({ experiment }: { experiment: string }) {
  useWanted(ofExperiment(experiment));
  return null;
}

function SubscribeToCluster() {
  useWanted(ofMonitors);
  useWanted(ofClusterLogs);
  useWanted(ofAlarms);
  return null;
}

function ExperimentNotFound({ name }: { name: string }) {
  return (
    <>
      <PageHeader title="Experiment not found" />
      <Empty title={`There is no experiment named "${name}".`}>
        <p className="soft">It was renamed or deleted, or the link is of another cluster.</p>
        <Link to="/experiments">All experiments</Link>
      </Empty>
    </>
  );
}

/** Move the focus to the content when another page is opened, unless something on it has the focus already. */
function useFocusOnNewPage(): RefObject<HTMLElement | null> {
  const content = useRef<HTMLElement>(null);
  const { pathname } = useLocation();
  const before = useRef(pathname);
  useEffect(() => {
    if (before.current === pathname) return;
    before.current = pathname;
    if (!content.current?.contains(document.activeElement)) content.current?.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }, [pathname]);
  return content;
}

/** Show a part. One that waits for its code is not exchanged when the code is there: it would lose its state. */
function ShowPart({ part }: { part: Part }) {
  const [Shown] = useState(() => part.loaded ?? part.Lazy);
  return <Shown />;
}

export function Shell({ person, openFeed }: { person: Person; openFeed: OpenFeed }) {
  const { current, missing, error, fetching } = useFrame();
  const { pathname } = useLocation();
  const page = pageAt(pathname);
  const showsExperiment = page?.group === "experiment";
  const content = useFocusOnNewPage();
  useExperimentInAddress(showsExperiment);
  const about = showsExperiment ? current?.experiment : undefined;
  useFirstTitle(page?.title, about);
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
      <main id="content" ref={content} className={css.content} tabIndex={-1}>
        <TitleContext value={about}>
          <ErrorBoundary place={pathname}>
            <Suspense fallback={<Waiting what="the page" />}>
              {fetching && !error ? (
                <Waiting what="experiments" />
              ) : error ? (
                <Problem error={error} />
              ) : missing !== undefined && showsExperiment ? (
                <ExperimentNotFound name={missing} />
              ) : (
                <Routes>
                  <Route path="/" element={<Navigate to={HOME} replace />} />
                  {pages.map(({ path, part }) => (
                    <Route key={path} path={`${path}/*`} element={<ShowPart key={path} part={part} />} />
                  ))}
                  <Route path="*" element={<NotFound />} />
                </Routes>
              )}
            </Suspense>
          </ErrorBoundary>
        </TitleContext>
      </main>
      <BottomNavigation />
      <ButtonNotice />
      <ModelQuestion />
    </div>
  );
}
