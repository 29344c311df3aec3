/** A unit that does not take part in the experiment that is shown: where it is instead. */

import { Button } from "@mantine/core";
import { useState } from "react";
import { Link } from "react-router";
import { path } from "@/api/client";
import { useAssignments, useWorkers } from "@/api/queries";
import { inExperiment } from "@/parts/experiment";
import { Needs } from "@/parts/Needs";
import { PageHeader } from "@/parts/PageHeader";
import { Empty, Problem, Waiting } from "@/parts/Problem";
import { AssignDialog } from "@/units/AssignDialog";

export function Elsewhere({ unit, experiment }: { unit: string; experiment: string }) {
  const workers = useWorkers();
  const assignments = useAssignments();
  const [assigning, setAssigning] = useState(false);
  const error = workers.error ?? assignments.error;
  const place = assignments.data?.find((one) => one.pioreactor_unit === unit)?.experiment;
  const known = workers.data?.some((one) => one.pioreactor_unit === unit);
  return (
    <>
      <PageHeader title={unit} />
      {error ? (
        <Problem error={error} />
      ) : !workers.data || !assignments.data ? (
        <Waiting what={unit} />
      ) : !known ? (
        <Empty title={`This cluster has no unit named ${unit}.`}>
          <Link to="/inventory">To the inventory</Link>
        </Empty>
      ) : (
        <Empty title={`${unit} does not take part in ${experiment}.`}>
          {place ? (
            <Link to={inExperiment(`/pioreactors/${encodeURIComponent(unit)}`, place)}>
              It takes part in {place}: show it there
            </Link>
          ) : (
            <>
              <p className="soft">It takes part in no experiment.</p>
              <Needs call={["PUT", path("api", "experiments", experiment, "workers")]}>
                <Button onClick={() => setAssigning(true)}>Assign units to {experiment}</Button>
              </Needs>
            </>
          )}
          <Link to="/pioreactors">To the units of this experiment</Link>
        </Empty>
      )}
      <AssignDialog opened={assigning} onClose={() => setAssigning(false)} experiment={experiment} />
    </>
  );
}
