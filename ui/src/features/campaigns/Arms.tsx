/** The arms of a campaign: setting, unit, objective, limits, and why each was chosen. */

import { Button, Group, NumberInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { request } from "@/api/client";
import type { CampaignArm, CampaignDefinition } from "@/api/types";
import { Needs } from "@/parts/Needs";
import { Problem } from "@/parts/Problem";
import { limitsOf, outcomeOf, settingOf } from "./campaigns";
import css from "./campaigns.module.css";

interface Props {
  arms: readonly CampaignArm[];
  definition: CampaignDefinition;
  /** Address of the campaign. */
  where: string;
}

export function Arms({ arms, definition, where }: Props) {
  return (
    <div className={css.arms}>
      <table>
        <caption>Arms</caption>
        <thead>
          <tr>
            <th scope="col">Arm</th>
            <th scope="col">Unit</th>
            <th scope="col">Setting</th>
            <th scope="col">Objective</th>
            <th scope="col">At limits</th>
            <th scope="col">Why</th>
          </tr>
        </thead>
        <tbody>
          {arms.map((arm) => (
            <tr key={arm.arm}>
              <td className="num">{arm.arm}</td>
              <td>{arm.unit}</td>
              <td>{settingOf(arm.suggestion.setting, definition)}</td>
              <td>
                {outcomeOf(arm)}
                {(arm.status === "waiting" || arm.status === "running") && <Next arm={arm} where={where} />}
              </td>
              <td>{limitsOf(arm.suggestion)}</td>
              <td className="soft small">{arm.suggestion.why}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Next({ arm, where }: { arm: CampaignArm; where: string }) {
  const client = useQueryClient();
  const [objective, setObjective] = useState<number | string>("");
  const of = `${where}/arms/${arm.arm}`;
  const acting = useMutation({
    mutationFn: ([verb, body]: [string, object]) => request("POST", `${of}/${verb}`, body),
    onSuccess: () => client.invalidateQueries({ queryKey: ["campaigns"] }),
  });
  return (
    <>
      <Group gap={6} wrap="nowrap">
        {arm.status === "waiting" ? (
          <Needs call={["POST", `${of}/start`]}>
            <Button size="compact-xs" variant="default" onClick={() => acting.mutate(["start", {}])}>
              Start
            </Button>
          </Needs>
        ) : (
          <Needs call={["POST", `${of}/result`]}>
            <Button size="compact-xs" variant="default" onClick={() => acting.mutate(["result", { recorded: true }])}>
              Take what was recorded
            </Button>
          </Needs>
        )}
        <NumberInput
          size="xs"
          w={90}
          hideControls
          aria-label={`Objective of arm ${arm.arm}`}
          value={objective}
          onChange={setObjective}
        />
        <Needs call={["POST", `${of}/result`]}>
          <Button
            size="compact-xs"
            variant="default"
            disabled={typeof objective !== "number"}
            onClick={() => acting.mutate(["result", { objective }])}
          >
            Tell
          </Button>
        </Needs>
        <Needs call={["POST", `${of}/result`]}>
          <Button size="compact-xs" variant="subtle" onClick={() => acting.mutate(["result", { objective: null }])}>
            Failed
          </Button>
        </Needs>
      </Group>
      {acting.error && <Problem error={acting.error} />}
    </>
  );
}
