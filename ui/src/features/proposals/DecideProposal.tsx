/** Shows what a proposal would do, and takes the decision. */

import { Button, Checkbox, Group, Modal, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { path, request } from "@/api/client";
import type { Proposal } from "@/api/types";
import { Needs } from "@/parts/Needs";
import { Problem } from "@/parts/Problem";
import { canRepeat, effectsOf } from "./proposals";
import css from "./proposals.module.css";

interface Props {
  proposal: Proposal | undefined;
  onClose: () => void;
}

export function DecideProposal({ proposal, onClose }: Props) {
  return (
    <Modal opened={proposal !== undefined} onClose={onClose} title="Decide about a proposal">
      {proposal && <Decision proposal={proposal} onClose={onClose} />}
    </Modal>
  );
}

function Decision({ proposal, onClose }: { proposal: Proposal; onClose: () => void }) {
  const client = useQueryClient();
  const [note, setNote] = useState("");
  const [withoutRehearsal, setWithoutRehearsal] = useState(false);
  const deciding = useMutation({
    mutationFn: (verb: "approve" | "reject") =>
      request("POST", path("api", "proposals", proposal.id, verb), {
        digest: proposal.digest,
        note,
        without_rehearsal: withoutRehearsal,
      }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ["proposals"] });
      onClose();
    },
  });
  const rehearsing = useMutation({
    mutationFn: () => request("POST", path("api", "proposals", proposal.id, "rehearse")),
    onSuccess: () => client.invalidateQueries({ queryKey: ["proposals"] }),
  });
  const isRehearsed = proposal.rehearsal.status === "done";
  const isRunning = proposal.rehearsal.status === "running";
  return (
    <div className={css.form}>
      <p>
        <strong>{proposal.act.summary}</strong>
      </p>
      <dl className={css.effects}>
        {effectsOf(proposal).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <ul>
        {proposal.act.effects.hazards?.map((hazard) => (
          <li key={hazard}>{hazard}</li>
        ))}
      </ul>
      <p className="soft small">Rehearsal: {proposal.rehearsal.text}</p>
      {canRepeat(proposal) && (
        <Needs call={["POST", path("api", "proposals", proposal.id, "rehearse")]}>
          <Button size="xs" variant="default" loading={rehearsing.isPending} onClick={() => rehearsing.mutate()}>
            Rehearse again
          </Button>
        </Needs>
      )}
      {rehearsing.error && <Problem error={rehearsing.error} />}
      {!isRehearsed && !isRunning && (
        <Checkbox
          label="Approve without a rehearsal"
          checked={withoutRehearsal}
          onChange={(event) => setWithoutRehearsal(event.currentTarget.checked)}
        />
      )}
      <TextInput
        label="Note"
        description="Kept in the audit trail."
        maxLength={500}
        value={note}
        onChange={(event) => setNote(event.currentTarget.value)}
      />
      {deciding.error && <Problem error={deciding.error} />}
      <Group justify="flex-end">
        <Needs call={["POST", path("api", "proposals", proposal.id, "reject")]}>
          <Button variant="default" loading={deciding.isPending} onClick={() => deciding.mutate("reject")}>
            Reject
          </Button>
        </Needs>
        <Needs call={["POST", path("api", "proposals", proposal.id, "approve")]}>
          <Button
            disabled={isRunning || (!isRehearsed && !withoutRehearsal)}
            loading={deciding.isPending}
            onClick={() => deciding.mutate("approve")}
          >
            Approve
          </Button>
        </Needs>
      </Group>
    </div>
  );
}
