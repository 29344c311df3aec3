/** A profile on simulated reactors before it is run: options, progress, and what was found. */

import { Button, Checkbox, Group, Modal, NativeSelect, Progress, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ComponentProps, lazy, Suspense, useState } from "react";
import { ask, get, path, request } from "@/api/client";
import type { RehearsalForecast, Rehearsals } from "@/api/types";
import { moment, secondsOf } from "@/parts/format";
import { Needs } from "@/parts/Needs";
import { Problem, Waiting } from "@/parts/Problem";
import { numberIn } from "./rehearsal";
import css from "./rehearsal.module.css";

const RehearsalResult = lazy(() => import("./RehearsalResult"));

interface Props {
  /** Text of the profile. */
  text: string;
  experiment: string;
  disabled: boolean;
}

export function Rehearse({ text, experiment, disabled }: Props) {
  const [opened, setOpened] = useState(false);
  const where = path("api", "experiments", experiment, "rehearsals");
  return (
    <>
      <Needs call={["POST", where]}>
        <Button variant="default" disabled={disabled || experiment === ""} onClick={() => setOpened(true)}>
          Rehearse
        </Button>
      </Needs>
      <Modal opened={opened} onClose={() => setOpened(false)} title={`Rehearse for ${experiment}`} size="xl">
        {opened && <Dialog text={text} where={where} experiment={experiment} />}
      </Modal>
    </>
  );
}

function Dialog({ text, where, experiment }: { text: string; where: string; experiment: string }) {
  const client = useQueryClient();
  const [shown, setShown] = useState<string>();
  const known = useQuery({
    queryKey: ["rehearsals", experiment],
    queryFn: ({ signal }) => get<Rehearsals>(where, signal),
    refetchInterval: (query) => (query.state.data?.in_progress ? 1000 : 10_000),
  });
  const rehearsing = useMutation({
    mutationFn: (options: object) => {
      setTimeout(() => client.invalidateQueries({ queryKey: ["rehearsals"] }), 500);
      return ask("POST", where, { ...options, profile: text }, { everyMs: 1000, attempts: 50_000 });
    },
    onSuccess: (result) => setShown((result as { id: string }).id),
    onSettled: () => client.invalidateQueries({ queryKey: ["rehearsals"] }),
  });
  const canceling = useMutation({ mutationFn: () => request("DELETE", where) });
  const result = useQuery({
    queryKey: ["rehearsals", experiment, shown],
    queryFn: ({ signal }) => get<RehearsalForecast>(`${where}/${shown}`, signal),
    enabled: shown !== undefined,
    staleTime: Infinity,
  });
  const progress = known.data?.in_progress;
  if (rehearsing.isPending || progress) {
    const percent = Math.round(100 * (progress?.share ?? 0));
    return (
      <div className={css.result}>
        <p>
          The profile runs on simulated reactors{progress && ` of ${progress.experiment}`}: {percent} %.
        </p>
        <Progress value={percent} aria-label="Progress of the rehearsal" />
        {canceling.error && <Problem error={canceling.error} />}
        <Group justify="flex-end">
          <Needs call={["DELETE", where]}>
            <Button variant="default" loading={canceling.isPending} onClick={() => canceling.mutate()}>
              End it with the runs so far
            </Button>
          </Needs>
        </Group>
      </div>
    );
  }
  if (shown !== undefined) {
    return (
      <div className={css.result}>
        {result.error && <Problem error={result.error} />}
        {result.data ? (
          <Suspense fallback={<Waiting what="charts" />}>
            <RehearsalResult id={shown} found={result.data} />
          </Suspense>
        ) : (
          !result.error && <Waiting what="the rehearsal" />
        )}
        <Group justify="flex-end">
          <Button variant="default" onClick={() => setShown(undefined)}>
            Back to the options
          </Button>
        </Group>
      </div>
    );
  }
  return (
    <Options
      kept={known.data?.kept ?? []}
      error={rehearsing.error}
      onShow={setShown}
      onStart={(options) => rehearsing.mutate(options)}
      call={["POST", where]}
    />
  );
}

interface OptionsProps {
  kept: Rehearsals["kept"];
  error: Error | null;
  onShow: (id: string) => void;
  onStart: (options: object) => void;
  call: ComponentProps<typeof Needs>["call"];
}

function Options({ kept, error, onShow, onStart, call }: OptionsProps) {
  const [strain, setStrain] = useState("yeast");
  const [fields, setFields] = useState({ runs: "8", hours: "", growth: "", od: "", media: "", alt: "", waste: "" });
  const [fromNow, setFromNow] = useState(false);
  const field = (name: keyof typeof fields, label: string, description: string) => (
    <TextInput
      label={label}
      description={description}
      inputMode="decimal"
      value={fields[name]}
      error={Number.isNaN(numberIn(fields[name]) ?? 0) && "Not a number"}
      onChange={(event) => setFields({ ...fields, [name]: event.currentTarget.value })}
    />
  );
  const isWrong = Object.values(fields).some((value) => Number.isNaN(numberIn(value) ?? 0));
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        onStart({
          strain,
          from_now: fromNow,
          runs: numberIn(fields.runs) ?? 8,
          hours: numberIn(fields.hours),
          growth_rate_per_h: numberIn(fields.growth),
          start_od: numberIn(fields.od),
          bottles_ml: {
            media: numberIn(fields.media),
            alt_media: numberIn(fields.alt),
            waste: numberIn(fields.waste),
          },
        });
      }}
    >
      <div className={css.form}>
        <p className={`soft ${css.wide}`}>
          The profile runs on simulated reactors of the units of this experiment, some minutes for a day. Nothing is
          dosed, heated or recorded.
        </p>
        <NativeSelect
          label="Strain"
          description="Grows like this"
          value={strain}
          data={["yeast", "ecoli", "phototroph"]}
          onChange={(event) => setStrain(event.currentTarget.value)}
        />
        {field("growth", "Highest growth rate [1/h]", "Blank: that of the strain")}
        {field("od", "Density at the start [OD]", "Blank: that of the strain")}
        {field("runs", "Runs", "1 to 50, each with another culture")}
        {field("hours", "Duration [h]", "Blank: as the profile, at most 168")}
        {field("media", "Media bottle [mL]", "Blank: as configured")}
        {field("alt", "Alternative media bottle [mL]", "Blank: as configured")}
        {field("waste", "Space for waste [mL]", "Blank: as configured")}
        <Checkbox
          className={css.wide}
          label="Begin with the present volumes, cultures and running jobs"
          checked={fromNow}
          onChange={(event) => setFromNow(event.currentTarget.checked)}
        />
        {error && (
          <div className={css.wide}>
            <Problem error={error} />
          </div>
        )}
        <Group justify="flex-end" className={css.wide}>
          <Needs call={call}>
            <Button type="submit" disabled={isWrong}>
              Start rehearsal
            </Button>
          </Needs>
        </Group>
      </div>
      {kept.length > 0 && (
        <>
          <h3>Kept</h3>
          <ul>
            {kept.map((one) => (
              <li key={one.id}>
                <Button variant="subtle" size="compact-sm" onClick={() => onShow(one.id)}>
                  {one.profile_name}, {moment(secondsOf(one.started_at))}
                </Button>
                <span className="soft small">
                  {one.runs} runs, {one.hazards} hazards
                </span>
              </li>
            ))}
          </ul>
        </>
      )}
    </form>
  );
}
