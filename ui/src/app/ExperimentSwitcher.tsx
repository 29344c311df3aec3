/** Always visible: which experiment everything on the page is about. */

import { Popover, TextInput, UnstyledButton } from "@mantine/core";
import { useState } from "react";
import { Link, useLocation } from "react-router";
import type { Experiment } from "@/api/types";
import { inExperiment, useFrame } from "@/parts/experiment";
import { count, moment, secondsOf } from "@/parts/format";
import { Icon } from "@/parts/icons";
import css from "./app.module.css";
import { pageAt } from "./pages";

const SEARCHED_FROM = 8;

export function ExperimentSwitcher() {
  const { experiments, current, missing } = useFrame();
  const [opened, setOpened] = useState(false);
  const name = current?.experiment ?? missing ?? "No experiment yet";
  return (
    <Popover position="bottom-start" width={320} shadow="md" opened={opened} onChange={setOpened} trapFocus returnFocus>
      <Popover.Target>
        <UnstyledButton
          className={css.switch}
          aria-label={`Experiment: ${name}. Choose another`}
          onClick={() => setOpened(!opened)}
        >
          <Icon name="flask" />
          <span>{name}</span>
          <Icon name="chevron" size={16} />
        </UnstyledButton>
      </Popover.Target>
      <Popover.Dropdown className={css.switchList} p={6} aria-label="Experiments">
        <Choice experiments={experiments} current={current} onChosen={() => setOpened(false)} />
      </Popover.Dropdown>
    </Popover>
  );
}

interface ChoiceProps {
  experiments: readonly Experiment[];
  current: Experiment | undefined;
  onChosen: () => void;
}

function Choice({ experiments, current, onChosen }: ChoiceProps) {
  const [search, setSearch] = useState("");
  const { choose } = useFrame();
  const { pathname } = useLocation();
  const found = experiments.filter((one) => one.experiment.toLowerCase().includes(search.toLowerCase()));
  // Pages about one experiment stay open for the other; those of the cluster give way to its overview.
  const page = pageAt(pathname);
  const target = page?.group === "experiment" ? pathname : "/overview";
  const group = (title: string, members: readonly Experiment[]) =>
    members.length > 0 && (
      <>
        <p className="soft small">{title}</p>
        <ul>
          {members.map((one) => (
            <li key={one.experiment}>
              <Link
                to={inExperiment(target, one.experiment)}
                className={css.switchItem}
                aria-current={one.experiment === current?.experiment ? "true" : undefined}
                onClick={() => {
                  choose(one.experiment);
                  onChosen();
                }}
              >
                {one.experiment === current?.experiment ? <Icon name="check" size={16} /> : <span />}
                <span>
                  <span className={css.switchName}>{one.experiment}</span>
                  <span className="soft small">
                    {moment(secondsOf(one.created_at))}
                    {one.worker_count > 0 && `, ${count(one.worker_count, "unit")}`}
                  </span>
                </span>
              </Link>
            </li>
          ))}
        </ul>
      </>
    );
  return (
    <>
      {experiments.length > SEARCHED_FROM && (
        <TextInput
          mb={6}
          size="sm"
          placeholder="Find an experiment"
          aria-label="Find an experiment"
          data-autofocus
          value={search}
          onChange={(event) => setSearch(event.currentTarget.value)}
        />
      )}
      {group(
        "Active",
        found.filter((one) => one.worker_count > 0),
      )}
      {group(
        "Inactive",
        found.filter((one) => one.worker_count === 0),
      )}
      {found.length === 0 && experiments.length > 0 && <p className="soft">No experiment of that name</p>}
      <hr className={css.rule} />
      <Link to="/experiments?new=1" className={css.switchItem} onClick={onChosen}>
        <Icon name="plus" size={16} />
        New experiment
      </Link>
      <Link to="/experiments" className={css.switchItem} onClick={onChosen}>
        <span />
        All experiments
      </Link>
    </>
  );
}
