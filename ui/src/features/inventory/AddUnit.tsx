/** Takes a unit into the cluster: a machine that shows a code or is logged in to, or one that has joined already. */

import { Button, Checkbox, Modal, NativeSelect, PasswordInput, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { ask, get, request } from "@/api/client";
import { useModels } from "@/api/queries";
import type { JoinedWorker, WaitingWorker } from "@/api/types";
import { FormFooter } from "@/parts/FormFooter";
import css from "./inventory.module.css";
import { wrongCode, wrongUnitName } from "./names";

interface Props {
  opened: boolean;
  onClose: () => void;
  known: readonly string[];
}

export function AddUnit({ opened, onClose, known }: Props) {
  return (
    <Modal opened={opened} onClose={onClose} title="Add unit">
      {opened && <Form onClose={onClose} known={known} />}
    </Modal>
  );
}

const JOINING = { everyMs: 400, attempts: 450 };
const OWN_MODEL = "As the machine says";

function Form({ onClose, known }: Omit<Props, "opened">) {
  const client = useQueryClient();
  const models = useModels().data ?? [];
  const [name, setName] = useState("");
  const [code, setCode] = useState("");
  const [address, setAddress] = useState("");
  const [chosen, choose] = useState<string>();
  const [bySsh, logIn] = useState(false);
  const [user, setUser] = useState("pioreactor");
  const [password, setPassword] = useState("");
  const [step, setStep] = useState("");
  const hasCode = !bySsh && code.trim() !== "";
  const pairs = bySsh || hasCode;
  const wrong = wrongUnitName(name, known) ?? (hasCode ? wrongCode(code) : undefined);
  const usual =
    models.find((one) => one.model_name === "pioreactor_40ml" && one.model_version === "1.5")?.display_name ??
    models[0]?.display_name ??
    "";
  const choice = chosen ?? (pairs ? OWN_MODEL : usual);
  const adding = useMutation({
    mutationFn: async (): Promise<string | undefined> => {
      const model = models.find((one) => one.display_name === choice);
      const { model_name = null, model_version = null } = model ?? {};
      if (!pairs) {
        await request("PUT", "/api/workers", { pioreactor_unit: name.trim(), model_name, model_version });
        return undefined;
      }
      setStep("");
      const machine = {
        name: name.trim(),
        code: bySsh ? null : code.trim(),
        ssh: bySsh ? { user: user.trim(), password: password === "" ? null : password } : null,
        ipv4_address: address.trim() === "" ? null : address.trim(),
        model: model_name,
        version: model_version,
      };
      const patience = { ...JOINING, onStep: setStep };
      const joined = (await ask("POST", "/api/workers/setup", machine, patience)) as JoinedWorker;
      return joined.warning ?? undefined;
    },
    onSuccess: async (warning) => {
      await client.invalidateQueries({ queryKey: ["workers"] });
      if (warning === undefined) onClose();
    },
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (wrong === undefined) adding.mutate();
  };
  if (adding.data) return <Warning text={adding.data} onClose={onClose} />;
  return (
    <form onSubmit={submit} className={css.form}>
      <WaitingUnits
        onChoose={(waiting) => {
          setName(waiting.pioreactor_unit);
          setAddress(waiting.address);
        }}
      />
      <TextInput
        label="Name"
        description="The machine's host name: letters, digits, - and _."
        data-autofocus
        required
        withAsterisk={false}
        value={name}
        error={name !== "" ? wrongUnitName(name, known) : undefined}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <Checkbox
        label="Log in by SSH instead of a code"
        checked={bySsh}
        onChange={(event) => logIn(event.currentTarget.checked)}
      />
      {bySsh ? (
        <>
          <TextInput
            label="Account"
            autoComplete="off"
            required
            withAsterisk={false}
            value={user}
            onChange={(event) => setUser(event.currentTarget.value)}
          />
          <PasswordInput
            label="Password"
            description="Used once and not kept. Empty: the key of the cluster is on the machine."
            autoComplete="off"
            value={password}
            onChange={(event) => setPassword(event.currentTarget.value)}
          />
        </>
      ) : (
        <TextInput
          label="Code"
          description="Shown by “pio cluster join” on the machine. Empty for a unit that has joined already."
          placeholder="K7QM-2XFD"
          autoComplete="off"
          value={code}
          error={hasCode ? wrongCode(code) : undefined}
          onChange={(event) => setCode(event.currentTarget.value)}
        />
      )}
      {pairs && (
        <TextInput
          label="Address"
          description={
            bySsh
              ? "Host name or IP address; empty: its name with .local."
              : "Where the machine waits; empty: the leader searches the network for it."
          }
          autoComplete="off"
          value={address}
          onChange={(event) => setAddress(event.currentTarget.value)}
        />
      )}
      <NativeSelect
        label="Model"
        value={choice}
        data={[...(pairs ? [OWN_MODEL] : []), ...models.map((one) => one.display_name)]}
        onChange={(event) => choose(event.currentTarget.value)}
      />
      <p role="status" className="soft small">
        {adding.isPending ? step : adding.isError && step !== "" ? `It stopped at: ${step}` : ""}
      </p>
      <FormFooter
        needs={["PUT", "/api/workers"]}
        error={adding.error}
        send={adding.isPending && pairs ? "Adding…" : "Add unit"}
        isSending={adding.isPending}
        isComplete={wrong === undefined}
        onCancel={onClose}
      />
    </form>
  );
}

/** The machines in the leader's network that wait to join. */
function WaitingUnits({ onChoose }: { onChoose: (waiting: WaitingWorker) => void }) {
  const waiting = useQuery({
    queryKey: ["waiting units"],
    queryFn: ({ signal }) => get<WaitingWorker[]>("/api/workers/discover", signal),
    refetchInterval: 10_000,
    retry: false,
  });
  const found = waiting.data ?? [];
  return (
    <div role="status" className={css.waiting}>
      {waiting.isPending && "Searching the network for machines that wait to join…"}
      {waiting.isSuccess && found.length === 0 && "No machine in this network waits to join."}
      {found.length > 0 && "These machines wait to join:"}
      {found.map((one) => (
        <Button key={one.address} variant="default" size="xs" onClick={() => onChoose(one)}>
          {one.pioreactor_unit} at {one.address}
        </Button>
      ))}
    </div>
  );
}

function Warning({ text, onClose }: { text: string; onClose: () => void }) {
  return (
    <div className={css.form}>
      <p role="alert">The unit was added. {text}</p>
      <Button onClick={onClose}>Close</Button>
    </div>
  );
}
