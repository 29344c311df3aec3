/** Makes a token and shows it, once. */

import { Button, Checkbox, Group, Modal, NativeSelect, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useRef, useState } from "react";
import { request } from "@/api/client";
import { useWorkers } from "@/api/queries";
import type { NewAccessToken, Role } from "@/api/types";
import { LimitField } from "@/features/people/LimitField";
import { AREAS, type Limit, ROLES } from "@/features/people/rights";
import { copyFrom } from "@/parts/copyFrom";
import { FormFooter } from "@/parts/FormFooter";
import { Icon } from "@/parts/icons";
import { BUDGET_FIELDS, type BudgetTexts, budgetOf, NO_BUDGET } from "./tokens";
import css from "./tokens.module.css";

const LIFETIMES = [
  { value: "", label: "Until it is revoked" },
  { value: "30", label: "30 days" },
  { value: "90", label: "90 days" },
  { value: "365", label: "1 year" },
];

interface Props {
  opened: boolean;
  onClose: () => void;
}

export function NewToken({ opened, onClose }: Props) {
  return (
    <Modal opened={opened} onClose={onClose} title="New token" closeOnClickOutside={false}>
      {opened && <Steps onClose={onClose} />}
    </Modal>
  );
}

function Steps({ onClose }: { onClose: () => void }) {
  const client = useQueryClient();
  const [name, setName] = useState("");
  const [days, setDays] = useState("");
  const [role, setRole] = useState<Role | "">("");
  const [units, setUnits] = useState<Limit>(null);
  const [areas, setAreas] = useState<Limit>(null);
  const [isAgent, setIsAgent] = useState(false);
  const [budget, setBudget] = useState<BudgetTexts>(NO_BUDGET);
  const workers = useWorkers();
  const making = useMutation({
    mutationFn: () =>
      request<NewAccessToken>("POST", "/auth/tokens", {
        name: name.trim(),
        expires_in_days: days === "" ? null : Number(days),
        role: role === "" ? null : role,
        units,
        areas,
        is_agent: isAgent,
        budget: isAgent ? budgetOf(budget) : null,
      }),
    onSuccess: () => client.invalidateQueries({ queryKey: ["tokens"] }),
  });
  if (making.data) return <Made token={making.data} onClose={onClose} />;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (name.trim() !== "") making.mutate();
  };
  return (
    <form onSubmit={submit} className={css.form}>
      <TextInput
        label="Name"
        description="What it is for, such as the script that uses it."
        data-autofocus
        required
        withAsterisk={false}
        maxLength={64}
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <NativeSelect
        label="Valid"
        value={days}
        data={LIFETIMES}
        onChange={(event) => setDays(event.currentTarget.value)}
      />
      <NativeSelect
        label="Role"
        description="It never has more rights than you."
        value={role}
        data={[{ value: "", label: "As mine" }, ...ROLES]}
        onChange={(event) => setRole(event.currentTarget.value as Role | "")}
      />
      <LimitField
        what="units"
        names={workers.data?.map((worker) => worker.pioreactor_unit) ?? []}
        value={units}
        onChange={setUnits}
      />
      <LimitField what="parts of the API" names={AREAS} value={areas} onChange={setAreas} />
      <Checkbox
        label="For an agent"
        description="It uses tools (/mcp) only. What doses, heats or can do harm waits for a person's approval."
        checked={isAgent}
        onChange={(event) => setIsAgent(event.currentTarget.checked)}
      />
      {isAgent && <BudgetFields value={budget} onChange={setBudget} />}
      <FormFooter
        needs={["POST", "/auth/tokens"]}
        error={making.error}
        send="Make token"
        isSending={making.isPending}
        isComplete={name.trim() !== ""}
        onCancel={onClose}
      />
    </form>
  );
}

function BudgetFields({ value, onChange }: { value: BudgetTexts; onChange: (value: BudgetTexts) => void }) {
  return (
    <>
      {BUDGET_FIELDS.map(({ name, label, most, step }) => (
        <TextInput
          key={name}
          type="number"
          label={label}
          placeholder="No limit"
          min={0}
          max={most}
          step={step}
          value={value[name]}
          onChange={(event) => onChange({ ...value, [name]: event.currentTarget.value })}
        />
      ))}
    </>
  );
}

function Made({ token, onClose }: { token: NewAccessToken; onClose: () => void }) {
  const field = useRef<HTMLInputElement>(null);
  const [copied, setCopied] = useState<boolean>();
  const copy = async (): Promise<void> => {
    if (field.current) setCopied(await copyFrom(field.current));
  };
  return (
    <div className={css.form}>
      <p>Copy it now: it is not shown again.</p>
      <TextInput
        ref={field}
        label={`Token ${token.name}`}
        readOnly
        classNames={{ input: css.secret ?? "" }}
        value={token.token}
        onFocus={(event) => event.currentTarget.select()}
      />
      <p className="soft small">
        A program sends it with each request, in the header <code>Authorization: Bearer {"<token>"}</code>. It acts for{" "}
        {token.username}. <a href="/docs/how-to/use-the-api-from-a-script.html">How to use the API from a script</a>
      </p>
      <p role="status" className="small">
        {copied === true && "Copied."}
        {copied === false && "This browser does not copy: select the token and copy it yourself."}
      </p>
      <Group justify="flex-end">
        <Button
          variant="default"
          data-autofocus
          leftSection={<Icon name={copied ? "check" : "copy"} size={16} />}
          onClick={() => void copy()}
        >
          Copy token
        </Button>
        <Button onClick={onClose}>Done</Button>
      </Group>
    </div>
  );
}
