/** Role of a person, and the units and experiments to which their changes are limited. */

import { NativeSelect } from "@mantine/core";
import { useExperiments, useWorkers } from "@/api/queries";
import type { Role } from "@/api/types";
import { LimitField } from "./LimitField";
import { type Limit, ROLES } from "./rights";

export interface ChosenRights {
  role: Role;
  units: Limit;
  experiments: Limit;
}

export const AS_VIEWER: ChosenRights = { role: "viewer", units: null, experiments: null };

interface Props {
  value: ChosenRights;
  onChange: (value: ChosenRights) => void;
}

export function RightsFields({ value, onChange }: Props) {
  const workers = useWorkers();
  const experiments = useExperiments();
  return (
    <>
      <NativeSelect
        label="Role"
        value={value.role}
        data={[...ROLES]}
        onChange={(event) => onChange({ ...value, role: event.currentTarget.value as Role })}
      />
      {value.role !== "viewer" && (
        <>
          <LimitField
            what="units"
            names={workers.data?.map((worker) => worker.pioreactor_unit) ?? []}
            value={value.units}
            onChange={(units) => onChange({ ...value, units })}
          />
          <LimitField
            what="experiments"
            names={experiments.data?.map((one) => one.experiment) ?? []}
            value={value.experiments}
            onChange={(chosen) => onChange({ ...value, experiments: chosen })}
          />
        </>
      )}
    </>
  );
}
