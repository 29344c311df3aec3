/** Entries of the audit trail: who asked for what, when, and what became of it. */

import type { AuditEntry } from "@/api/types";
import { clockWithSeconds, day, secondsOf } from "@/parts/format";
import css from "./audit.module.css";

const OUTCOMES = { done: "Done", refused: "Refused", failed: "Failed" } as const;

export function AuditTable({ entries }: { entries: readonly AuditEntry[] }) {
  return (
    <div className={`panel ${css.table}`}>
      <table className="plain">
        <thead>
          <tr>
            <th scope="col">Time</th>
            <th scope="col">Who</th>
            <th scope="col">What</th>
            <th scope="col">Outcome</th>
          </tr>
        </thead>
        <tbody>
          {entries.map((entry) => (
            <Row key={entry.id} entry={entry} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ entry: { id, timestamp, change, hash } }: { entry: AuditEntry }) {
  const at = secondsOf(timestamp);
  return (
    <tr>
      <td className="num" title={`Entry ${id}, ${timestamp}`}>
        {day(at)}, {clockWithSeconds(at)}
      </td>
      <td>
        {change.actor === "" ? <span className="soft">not known</span> : change.actor}
        {change.token != null && <div className="soft small">token {change.token}</div>}
        {change.actor_kind === "account" && <div className="soft small">command line</div>}
        {change.actor_kind === "unit" && <div className="soft small">unit</div>}
      </td>
      <td className={css.what}>
        {change.summary}
        {change.reason != null && <div className="soft small">Reason: {change.reason}</div>}
        {signatureOf(change.details) !== undefined && (
          <div className="soft small">Signed by {signatureOf(change.details)}</div>
        )}
        <details className="small">
          <summary className="soft">Details</summary>
          <pre className={css.details}>{readable(change.details)}</pre>
          <p className={`soft ${css.details}`}>SHA-256 {hash}</p>
        </details>
      </td>
      <td className={change.outcome === "done" ? "" : css.refused}>{OUTCOMES[change.outcome]}</td>
    </tr>
  );
}

/** Who signed a change, and what the signature stands for; undefined for one without a signature. */
export function signatureOf(details: string): string | undefined {
  try {
    const { signature } = JSON.parse(details) as { signature?: { by: string; meaning: string } };
    return signature && `${signature.by}: ${signature.meaning}`;
  } catch {
    return undefined;
  }
}

/** The JSON of an entry, one value a line. */
function readable(details: string): string {
  try {
    return JSON.stringify(JSON.parse(details), null, 1);
  } catch {
    return details;
  }
}
