/** All experiments: find one, open it, begin another. */

import { Button, NativeSelect, TextInput } from "@mantine/core";
import { useState } from "react";
import { Link, useNavigate } from "react-router";
import { path } from "@/api/client";
import type { Experiment } from "@/api/types";
import { inExperiment, useFrame } from "@/parts/experiment";
import { useFilters } from "@/parts/filters";
import { count, moment, secondsOf } from "@/parts/format";
import { Icon } from "@/parts/icons";
import { Needs } from "@/parts/Needs";
import { PageHeader } from "@/parts/PageHeader";
import { Empty } from "@/parts/Problem";
import { AssignDialog } from "@/units/AssignDialog";
import { DeleteExperiment } from "./DeleteExperiment";
import { EndExperiment } from "./EndExperiment";
import { ExperimentForm } from "./ExperimentForm";
import css from "./experiments.module.css";
import { comparing } from "./pair";
import { found } from "./search";

type Dialog = { kind: "new" } | { kind: "edit" | "delete" | "assign" | "end"; experiment: Experiment };

export function ExperimentList() {
  const { experiments, current, choose } = useFrame();
  const navigate = useNavigate();
  const [params, set] = useFilters();
  const [dialog, setDialog] = useState<Dialog | undefined>(params.has("new") ? { kind: "new" } : undefined);
  const search = params.get("search") ?? "";
  const status = params.get("status") ?? "";
  const tag = params.get("tag") ?? "";
  const shown = found(experiments, { search, status, tag });
  const tags = [...new Set(experiments.flatMap((one) => one.tags))].sort();
  const close = (): void => {
    setDialog(undefined);
    set("new", "");
  };
  const open = (name: string): void => {
    void navigate(inExperiment("/overview", name));
  };

  return (
    <>
      <PageHeader
        title="Experiments"
        about={<span>{count(experiments.length, "experiment")}</span>}
        actions={
          <Needs call={["POST", "/api/experiments"]}>
            <Button leftSection={<Icon name="plus" size={16} />} onClick={() => setDialog({ kind: "new" })}>
              New experiment
            </Button>
          </Needs>
        }
      />
      <div className={css.filters} role="group" aria-label="Filters">
        <TextInput
          label="Find"
          placeholder="Name, description"
          leftSection={<Icon name="search" size={16} />}
          value={search}
          onChange={(event) => set("search", event.currentTarget.value)}
        />
        <NativeSelect
          label="Status"
          value={status}
          data={[
            { value: "", label: "All" },
            { value: "active", label: "Active" },
            { value: "inactive", label: "Inactive" },
          ]}
          onChange={(event) => set("status", event.currentTarget.value)}
        />
        {tags.length > 0 && (
          <NativeSelect
            label="Tag"
            value={tag}
            data={[{ value: "", label: "All tags" }, ...tags]}
            onChange={(event) => set("tag", event.currentTarget.value)}
          />
        )}
      </div>
      {shown.length === 0 ? (
        <Empty title={experiments.length === 0 ? "There is no experiment yet." : "No experiment fits these filters."}>
          {experiments.length === 0 && (
            <p className="soft">An experiment holds the readings and events of the units that take part in it.</p>
          )}
        </Empty>
      ) : (
        <ul className={css.list} aria-label="Experiments">
          {shown.map((one) => (
            <li key={one.experiment} className="panel">
              <Row
                experiment={one}
                isCurrent={one.experiment === current?.experiment}
                onOpen={() => open(one.experiment)}
                onCompare={
                  experiments.length > 1
                    ? () => void navigate(comparing("/experiments/compare", one.experiment))
                    : undefined
                }
                onDialog={(kind) => setDialog({ kind, experiment: one })}
              />
            </li>
          ))}
        </ul>
      )}
      <ExperimentForm
        opened={dialog?.kind === "new" || dialog?.kind === "edit"}
        onClose={close}
        experiment={dialog?.kind === "edit" ? dialog.experiment : undefined}
        experiments={experiments}
        onCreated={(experiment) => {
          choose(experiment.experiment);
          set("new", "");
          setDialog({ kind: "assign", experiment });
        }}
      />
      <EndExperiment onClose={close} experiment={dialog?.kind === "end" ? dialog.experiment : undefined} />
      <DeleteExperiment
        opened={dialog?.kind === "delete"}
        onClose={close}
        experiment={dialog?.kind === "delete" ? dialog.experiment : undefined}
      />
      <AssignDialog
        opened={dialog?.kind === "assign"}
        onClose={close}
        experiment={dialog?.kind === "assign" ? dialog.experiment.experiment : ""}
      />
    </>
  );
}

interface RowProps {
  experiment: Experiment;
  isCurrent: boolean;
  onOpen: () => void;
  /** Undefined while there is no other experiment. */
  onCompare: (() => void) | undefined;
  onDialog: (kind: "edit" | "delete" | "assign" | "end") => void;
}

function Row({ experiment, isCurrent, onOpen, onCompare, onDialog }: RowProps) {
  const name = experiment.experiment;
  return (
    <article className={css.row} aria-label={name}>
      <div className={css.about}>
        <h2>
          <button type="button" className={css.name} onClick={onOpen}>
            {name}
          </button>
          {isCurrent && <span className={css.current}>shown now</span>}
        </h2>
        <p className="soft small">
          Started {moment(secondsOf(experiment.created_at))}
          {experiment.worker_count > 0 ? `, active on ${count(experiment.worker_count, "unit")}` : ", inactive"}
        </p>
        {experiment.description && <p>{experiment.description}</p>}
        {experiment.tags.length > 0 && (
          <ul className={css.tags} aria-label="Tags">
            {experiment.tags.map((one) => (
              <li key={one}>{one}</li>
            ))}
          </ul>
        )}
      </div>
      <div className={css.actions}>
        <Needs call={["PUT", path("api", "experiments", name, "workers")]}>
          <Button variant="default" size="xs" onClick={() => onDialog("assign")} aria-label={`Assign units to ${name}`}>
            Units
          </Button>
        </Needs>
        <Needs call={["PATCH", path("api", "experiments", name)]}>
          <Button variant="default" size="xs" onClick={() => onDialog("edit")} aria-label={`Edit ${name}`}>
            Edit
          </Button>
        </Needs>
        {onCompare && (
          <Button variant="default" size="xs" onClick={onCompare} aria-label={`Compare ${name}`}>
            Compare
          </Button>
        )}
        <Button
          variant="default"
          size="xs"
          component={Link}
          to={inExperiment("/export", name)}
          aria-label={`Export ${name}`}
        >
          Export
        </Button>
        {experiment.worker_count > 0 && (
          <Needs call={["DELETE", path("api", "experiments", name, "workers")]}>
            <Button variant="default" size="xs" onClick={() => onDialog("end")} aria-label={`End ${name}`}>
              End
            </Button>
          </Needs>
        )}
        <Needs call={["DELETE", path("api", "experiments", name)]}>
          <Button
            variant="subtle"
            color="red"
            c="var(--lost)"
            size="xs"
            onClick={() => onDialog("delete")}
            aria-label={`Delete ${name}`}
          >
            Delete
          </Button>
        </Needs>
      </div>
    </article>
  );
}
