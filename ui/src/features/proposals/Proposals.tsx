/** What agents propose: a person approves or rejects it. */

import { Button } from "@mantine/core";
import { useState } from "react";
import type { Proposal } from "@/api/types";
import { count } from "@/parts/format";
import { PageHeader } from "@/parts/PageHeader";
import { Empty, Problem, Waiting } from "@/parts/Problem";
import rows from "@/parts/rows.module.css";
import { DecideProposal } from "./DecideProposal";
import { isOpen, outcome } from "./proposals";
import { useProposals } from "./waiting";

export default function Proposals() {
  const proposals = useProposals();
  const [deciding, setDeciding] = useState<string>();
  const open = proposals.data?.filter((one) => isOpen(one, Date.now())) ?? [];
  return (
    <>
      <PageHeader title="Proposals" about={<span>{count(open.length, "proposal")} of agents to decide about</span>} />
      {proposals.error ? (
        <Problem error={proposals.error} />
      ) : proposals.isPending ? (
        <Waiting what="proposals" />
      ) : proposals.data.length === 0 ? (
        <Empty title="There are no proposals.">
          <p className="soft">An agent asks here before it doses, heats, or does what could harm a culture or data.</p>
        </Empty>
      ) : (
        <ul className={rows.list} aria-label="Proposals">
          {proposals.data.map((one) => (
            <li key={one.id} className="panel">
              <Row proposal={one} isOpen={open.includes(one)} onDecide={() => setDeciding(one.id)} />
            </li>
          ))}
        </ul>
      )}
      <DecideProposal
        proposal={proposals.data?.find((one) => one.id === deciding)}
        onClose={() => setDeciding(undefined)}
      />
    </>
  );
}

function Row({ proposal, isOpen, onDecide }: { proposal: Proposal; isOpen: boolean; onDecide: () => void }) {
  return (
    <article className={rows.row} aria-label={proposal.act.summary}>
      <div className={rows.about}>
        <h2>{proposal.act.summary}</h2>
        <p className="soft small">
          {proposal.token} of {proposal.username} · {outcome(proposal, Date.now())}
        </p>
      </div>
      {isOpen && (
        <Button size="xs" onClick={onDecide}>
          Decide
        </Button>
      )}
    </article>
  );
}
