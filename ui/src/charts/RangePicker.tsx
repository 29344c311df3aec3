/** Chooses the stretch that charts show by its first and last moment, in the browser's time. */

import { Button, Group, Popover, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { Icon } from "@/parts/icons";
import { localMoment, momentAt, wrongRange } from "@/parts/moments";
import { useAxis } from "./axis";
import css from "./charts.module.css";

export function RangePicker() {
  const { axis } = useAxis();
  const [opened, setOpened] = useState(false);
  return (
    <Popover position="bottom-start" shadow="md" opened={opened} onChange={setOpened} trapFocus returnFocus>
      <Popover.Target>
        <Button
          size="compact-sm"
          variant={axis.zoom ? "light" : "default"}
          leftSection={<Icon name="clock" size={15} />}
          onClick={() => setOpened(!opened)}
        >
          From … to …
        </Button>
      </Popover.Target>
      <Popover.Dropdown aria-label="Stretch of time">
        <RangeForm onDone={() => setOpened(false)} />
      </Popover.Dropdown>
    </Popover>
  );
}

function RangeForm({ onDone }: { onDone: () => void }) {
  const { axis } = useAxis();
  const [from, setFrom] = useState(() => localMoment(axis.range()[0]));
  const [to, setTo] = useState(() => localMoment(axis.range()[1]));
  const [copied, setCopied] = useState(false);
  const range: [number, number] = [momentAt(from), momentAt(to)];
  const wrong = wrongRange(range);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (wrong !== undefined) return;
    // Every window but the whole is counted back from now: the stretch may be before it.
    axis.set({ window: "all", zoom: range });
    onDone();
  };
  return (
    <form onSubmit={submit} className={css.range}>
      <TextInput
        label="From"
        type="datetime-local"
        step={1}
        value={from}
        data-autofocus
        onChange={(event) => setFrom(event.currentTarget.value)}
      />
      <TextInput
        label="To"
        type="datetime-local"
        step={1}
        value={to}
        error={wrong}
        onChange={(event) => setTo(event.currentTarget.value)}
      />
      <Group justify="space-between">
        <Button
          variant="default"
          onClick={() => void navigator.clipboard?.writeText(location.href).then(() => setCopied(true))}
        >
          {copied ? "Link copied" : "Copy link"}
        </Button>
        <Button type="submit" disabled={wrong !== undefined}>
          Show
        </Button>
      </Group>
    </form>
  );
}
