/** Always visible: which experiment everything on the page is about. */

import { Menu, TextInput, UnstyledButton } from "@mantine/core";
import { useState } from "react";
import { useNavigate } from "react-router";
import { useFrame } from "@/parts/experiment";
import { count, moment, secondsOf } from "@/parts/format";
import { Icon } from "@/parts/icons";
import css from "./app.module.css";

export function ExperimentSwitcher() {
  const { experiments, current, choose } = useFrame();
  const navigate = useNavigate();
  const [search, setSearch] = useState("");
  const found = experiments.filter((one) => one.experiment.toLowerCase().includes(search.toLowerCase()));
  const active = found.filter((one) => one.worker_count > 0);
  const idle = found.filter((one) => one.worker_count === 0);
  const item = (one: (typeof experiments)[number]) => (
    <Menu.Item
      key={one.experiment}
      onClick={() => choose(one.experiment)}
      leftSection={
        one.experiment === current?.experiment ? <Icon name="check" size={16} /> : <span style={{ width: 16 }} />
      }
    >
      <span className={css.switchName}>{one.experiment}</span>
      <span className="soft small">
        {moment(secondsOf(one.created_at))}
        {one.worker_count > 0 && `, ${count(one.worker_count, "unit")}`}
      </span>
    </Menu.Item>
  );
  return (
    <Menu position="bottom-start" width={320} onClose={() => setSearch("")}>
      <Menu.Target>
        <UnstyledButton
          className={css.switch}
          aria-label={`Experiment: ${current?.experiment ?? "none"}. Choose another`}
        >
          <Icon name="flask" />
          <span>{current?.experiment ?? "No experiment yet"}</span>
          <Icon name="chevron" size={16} />
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown className={css.switchList}>
        {experiments.length > 8 && (
          <TextInput
            m={6}
            size="sm"
            placeholder="Find an experiment"
            aria-label="Find an experiment"
            value={search}
            onChange={(event) => setSearch(event.currentTarget.value)}
          />
        )}
        {active.length > 0 && <Menu.Label>Active</Menu.Label>}
        {active.map(item)}
        {idle.length > 0 && <Menu.Label>Inactive</Menu.Label>}
        {idle.map(item)}
        <Menu.Divider />
        <Menu.Item leftSection={<Icon name="plus" size={16} />} onClick={() => void navigate("/experiments?new=1")}>
          New experiment
        </Menu.Item>
        <Menu.Item leftSection={<span style={{ width: 16 }} />} onClick={() => void navigate("/experiments")}>
          All experiments
        </Menu.Item>
        {found.length === 0 && <Menu.Label>No experiment of that name</Menu.Label>}
      </Menu.Dropdown>
    </Menu>
  );
}
