/** Checks a plugin, shows what it brings, and installs it. */

import { Button, FileInput, Group, Modal, NativeSelect, TextInput } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { ask, get, path } from "@/api/client";
import { useWorkers } from "@/api/queries";
import type { PluginContents, UnitAnswer, UsbArtifact, UsbState } from "@/api/types";
import { EVERYONE } from "@/live/topics";
import { FormFooter } from "@/parts/FormFooter";
import { Needs } from "@/parts/Needs";
import { Problem } from "@/parts/Problem";
import { bodyOf, filesOn, isComplete, LONG, linesOf, NOTHING, routeOf, send, type Wanted } from "./plugins";
import css from "./plugins.module.css";

interface Props {
  opened: boolean;
  onClose: () => void;
  onInstalled: () => Promise<void>;
}

export function AddPlugin(props: Props) {
  return (
    <Modal opened={props.opened} onClose={props.onClose} title="Add a plugin" size={520} closeOnClickOutside={false}>
      {props.opened && <Steps {...props} />}
    </Modal>
  );
}

function Steps({ onClose, onInstalled }: Props) {
  const [unit, setUnit] = useState(EVERYONE);
  const [wanted, setWanted] = useState<Wanted>(NOTHING);
  const act = (what: "check" | "install"): Promise<unknown> =>
    ask("POST", routeOf(unit, what, wanted), bodyOf(wanted), LONG);
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
        needs={["POST", routeOf(unit, "check", wanted)]}
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
  const isFile = wanted.file !== null || wanted.onUsb !== "";
  return (
    <>
      <NativeSelect
        label="On"
        value={unit}
        data={[{ value: EVERYONE, label: "All units" }, ...workers.map((one) => one.pioreactor_unit)]}
        onChange={(event) => {
          setUnit(event.currentTarget.value);
          if (wanted.isOnUnit) setWanted({ ...wanted, onUsb: "", isOnUnit: false });
        }}
      />
      <TextInput
        label="Name in the package index"
        data-autofocus
        disabled={isFile}
        value={wanted.name}
        onChange={(event) => setWanted({ ...wanted, name: event.currentTarget.value })}
      />
      <TextInput
        label="Version"
        description="Blank for the newest."
        disabled={isFile}
        value={wanted.version}
        onChange={(event) => setWanted({ ...wanted, version: event.currentTarget.value })}
      />
      <FileInput
        label="Or a file of this computer"
        description="A wheel (.whl) or a Python file (.py)."
        accept=".whl,.py"
        clearable
        disabled={wanted.onUsb !== ""}
        value={wanted.file}
        onChange={(file) => setWanted({ ...wanted, file })}
      />
      <OnUsb wanted={wanted} setWanted={setWanted} />
      {unit !== EVERYONE && <OnUsb key={unit} wanted={wanted} setWanted={setWanted} unit={unit} />}
    </>
  );
}

/** The plugins on the USB drive of the leader or of a unit, while there is one. */
function OnUsb({ wanted, setWanted, unit }: Pick<ChoiceProps, "wanted" | "setWanted"> & { unit?: string }) {
  const isOnUnit = unit !== undefined;
  const machine = unit ?? "the leader";
  const where = isOnUnit ? path("api", "units", unit, "usb") : "/unit_api/usb";
  const usb = useQuery({ queryKey: ["usb", unit ?? ""], queryFn: ({ signal }) => get<UsbState>(where, signal) }).data;
  const artifacts = useQuery({
    queryKey: ["usb", "artifacts", unit ?? "", usb?.drives.map((one) => one.path)],
    queryFn: ({ signal }) => get<UsbArtifact[]>(`${where}/artifacts`, signal),
    enabled: usb !== undefined && usb.status !== "absent",
  });
  const files = filesOn(usb, artifacts.data ?? []);
  if (usb === undefined || usb.status === "absent") return null;
  if (usb.status === "present_unmounted")
    return <p className="soft small">A USB drive is plugged into {machine}: mount it to choose a plugin from it.</p>;
  return (
    <NativeSelect
      label={`Or a file on the USB drive of ${machine}`}
      description="Wheels and Python files in its root and in its folder pioreactor/plugins."
      disabled={wanted.file !== null}
      value={wanted.isOnUnit === isOnUnit ? wanted.onUsb : ""}
      data={[
        { value: "", label: files.length > 0 ? "None" : "There is none" },
        ...files.map(([value, label]) => ({ value, label })),
      ]}
      onChange={(event) => setWanted({ ...wanted, onUsb: event.currentTarget.value, isOnUnit })}
    />
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
