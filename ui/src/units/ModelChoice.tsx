/** Which kind of reactor a unit is: its vial, and how hot it may become. */

import { NativeSelect } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { path, request } from "@/api/client";
import { useModels } from "@/api/queries";
import type { Worker } from "@/api/types";
import { Needs } from "@/parts/Needs";
import { Problem } from "@/parts/Problem";

export function ModelChoice({ worker }: { worker: Worker }) {
  const client = useQueryClient();
  const models = useModels().data ?? [];
  const current = worker.model_name ? `${worker.model_name} ${worker.model_version ?? ""}` : "";
  const choosing = useMutation({
    mutationFn: (choice: string) => {
      const [model_name, model_version] = choice.split(" ");
      return request("PUT", path("api", "workers", worker.pioreactor_unit, "model"), { model_name, model_version });
    },
    onSettled: () =>
      Promise.all(
        ["workers", "experiments", "descriptors"].map((key) => client.invalidateQueries({ queryKey: [key] })),
      ),
  });
  const choices = models.map((one) => ({ value: `${one.model_name} ${one.model_version}`, label: one.display_name }));
  return (
    <>
      <Needs call={["PUT", path("api", "workers", worker.pioreactor_unit, "model")]}>
        <NativeSelect
          label="Model"
          value={current}
          disabled={choosing.isPending}
          data={
            choices.some((one) => one.value === current)
              ? choices
              : [{ value: current, label: current === "" ? "Choose the model" : current }, ...choices]
          }
          onChange={(event) => event.currentTarget.value && choosing.mutate(event.currentTarget.value)}
        />
      </Needs>
      {choosing.error && <Problem error={choosing.error} />}
    </>
  );
}
