/** The application root: theme, query client, router and sign-in. */

import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { useState } from "react";
import { createBrowserRouter, RouterProvider } from "react-router";
import { onSignedOut, Refused } from "@/api/client";
import { bus, type OpenFeed } from "@/live/bus";
import { ErrorBoundary } from "@/parts/ErrorBoundary";
import { ExperimentFrame } from "@/parts/experiment";
import { Problem, Waiting } from "@/parts/Problem";
import { AcceptInvitation, INVITATION } from "./AcceptInvitation";
import { ChangeQuestion } from "./ChangeQuestion";
import { refetchMissed } from "./missed";
import { Shell } from "./Shell";
import { SignIn } from "./SignIn";
import { usePerson } from "./session";
import { theme } from "./theme";

export const client = new QueryClient({
  defaultOptions: {
    queries: {
      // Retry only when no response arrived; an error response is final.
      retry: (failures, error) => failures < 2 && error instanceof Refused && error.status === 0,
      refetchOnWindowFocus: true,
    },
  },
});

onSignedOut(() => client.setQueryData(["me"], null));
refetchMissed(client, bus);

function AuthGate({ openFeed }: { openFeed: OpenFeed }) {
  const { data: person, error, isPending } = usePerson();
  if (isPending) return <Waiting what="this cluster" />;
  if (error) return <Problem error={error} />;
  if (!person) return <SignIn />;
  return (
    <ExperimentFrame>
      <Shell person={person} openFeed={openFeed} />
    </ExperimentFrame>
  );
}

export function App({ openFeed }: { openFeed: OpenFeed }) {
  const [router] = useState(() =>
    createBrowserRouter([
      { path: INVITATION, element: <AcceptInvitation /> },
      {
        path: "*",
        element: (
          <ErrorBoundary>
            <AuthGate openFeed={openFeed} />
          </ErrorBoundary>
        ),
      },
    ]),
  );
  return (
    <MantineProvider theme={theme} defaultColorScheme="auto">
      <QueryClientProvider client={client}>
        <RouterProvider router={router} />
        <ChangeQuestion />
      </QueryClientProvider>
    </MantineProvider>
  );
}
