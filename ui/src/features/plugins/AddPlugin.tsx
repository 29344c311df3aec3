/** Checks a plugin, shows what it brings, and installs it. */

import { Button, FileInput, Group, Modal, NativeSelect, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { ask, path } from "@/api/client";
import { useWorkers } from "@/api/queries";
import type { PluginContents, UnitAnswer } from "@/api/types";
import { EVERYONE } from "@/live/topics";
import { FormFooter } from "@/parts/FormFooter";
import { Needs } from "@/parts/Needs";
import { Problem } from "@/parts/Problem";
import { bodyOf, isComplete, linesOf, send, type Wanted } from "./plugins";
import css from "./plugins.module.css";

interface Props {
  opened: boolean;
  onClose: () => void;
  onInstalled: () => Promise<void>;
}

const PATIENCE = { everyMs: 1000, attempts: 600 };

export function AddPlugin(props: Props) {
  return (
    <Modal opened={props.opened} onClose={props.onClose} title="Add a plugin" size={520} closeOnClickOutside={false}>
      {props.opened && <Steps {...props} />}
    </Modal>
  );
}

function Steps({ onClose, onInstalled }: Props) {
  const [unit, setUnit] = useState(EVERYONE);
  const [wanted, setWanted] = useState<Wanted>({ name: "", version: "", file: null });
  const act = (what: string): Promise<unknown> =>
    ask("POST", path("api", "units", unit, "plugins", what), bodyOf(wanted), PATIENCE);
  const checking = useMutation({
    mutationFn: async () => {
      await send(wanted, unit);
      return (await act("check")) as Record<string, UnitAnswer>;
    },
  });
  const installing = useMutation({
    mutationFn: () => act("install"),
    onSuccess: async () => {
      await onInstalled();
      onClose();
    },
  });
  if (checking.data)
    return (
      <Findings
        answers={checking.data}
        error={installing.error}
        isInstalling={installing.isPending}
        onBack={checking.reset}
        onInstall={() => installing.mutate()}
      />
    );
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    checking.mutate();
  };
  return (
    <form onSubmit={submit} className={css.form}>
      <Choice wanted={wanted} setWanted={setWanted} unit={unit} setUnit={setUnit} />
      <p className="soft small">
        The check imports the plugin in a process of its own and shows what it brings. Nothing is installed by it.
        Install plugins of people that you trust: a plugin can do what the software can.
      </p>
      <FormFooter
        needs={["POST", path("api", "units", unit, "plugins", "check")]}
        error={checking.error}
        send="Check"
        isSending={checking.isPending}
        isComplete={isComplete(wanted)}
        onCancel={onClose}
      />
    </form>
  );
}

interface ChoiceProps {
  wanted: Wanted;
  setWanted: (wanted: Wanted) => void;
  unit: string;
  setUnit: (unit: string) => void;
}

function Choice({ wanted, setWanted, unit, setUnit }: ChoiceProps) {
  const workers = useWorkers().data ?? [];
  return (
    <>
      <NativeSelect
        label="On"
        value={unit}
        data={[{ value: EVERYONE, label: "All units" }, ...workers.map((one) => one.pioreactor_unit)]}
        onChange={(event) => setUnit(event.currentTarget.value)}
      />
      <TextInput
        label="Name in the package index"
        data-autofocus
        disabled={wanted.file !== null}
        value={wanted.name}
        onChange={(event) => setWanted({ ...wanted, name: event.currentTarget.value })}
      />
      <TextInput
        label="Version"
        description="Blank for the newest."
        disabled={wanted.file !== null}
        value={wanted.version}
        onChange={(event) => setWanted({ ...wanted, version: event.currentTarget.value })}
      />
      <FileInput
        label="Or a file of this computer"
        description="A wheel (.whl) or a Python file (.py)."
        accept=".whl,.py"
        clearable
        value={wanted.file}
        onChange={(file) => setWanted({ ...wanted, file })}
      />
    </>
  );
}

interface FindingsProps {
  answers: Record<string, UnitAnswer>;
  error: unknown;
  isInstalling: boolean;
  onBack: () => void;
  onInstall: () => void;
}

function Findings({ answers, error, isInstalling, onBack, onInstall }: FindingsProps) {
  const found = Object.entries(answers).map(([unit, one]) => [unit, one.value as PluginContents] as const);
  const contents = found[0]?.[1];
  const problems = found.flatMap(([unit, one]) => (one.problems ?? []).map((why) => `${unit}: ${why}`));
  return (
    <div className={css.form}>
      {contents && (
        <>
          <h3 className={css.found}>
            {contents.name} {contents.version}
          </h3>
          <p className="soft small">{[contents.description, contents.author].filter(Boolean).join(" · ")}</p>
          <dl className={css.facts}>
            {linesOf(contents).map(([heading, names]) => (
              <div key={heading}>
                <dt>{heading}</dt>
                <dd>{names.join(", ")}</dd>
              </div>
            ))}
          </dl>
          {(contents.notes ?? []).map((note) => (
            <p key={note} className="small">
              {note}
            </p>
          ))}
        </>
      )}
      {problems.length > 0 && (
        <div role="alert">
          <p>It cannot be installed:</p>
          <ul className={css.problems}>
            {problems.map((why) => (
              <li key={why}>{why}</li>
            ))}
          </ul>
        </div>
      )}
      {error != null && <Problem error={error} />}
      <Group justify="flex-end">
        <Button variant="default" onClick={onBack}>
          Back
        </Button>
        <Needs call={["POST", path("api", "units", EVERYONE, "plugins", "install")]}>
          <Button disabled={problems.length > 0} loading={isInstalling} onClick={onInstall}>
            Install on {found.length === 1 ? found[0]?.[0] : `${found.length} units`}
          </Button>
        </Needs>
      </Group>
    </div>
  );
}
