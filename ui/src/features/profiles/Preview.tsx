/** What a profile is going to do, as a timeline, below what is wrong with it. */

import type { Diagnostic, ProfilePreview, ProfileStep } from "@/api/types";
import { Icon } from "@/parts/icons";
import { byWeight, when } from "./profiles";
import css from "./profiles.module.css";

type GoTo = (one: Diagnostic) => void;

export function Findings({ found, onGoTo }: { found: readonly Diagnostic[]; onGoTo?: GoTo | undefined }) {
  if (found.length === 0) return null;
  return (
    <ul className={css.findings} aria-label="What to look at">
      {byWeight(found).map((one, i) => (
        <li key={i} className={one.severity === "error" ? css.error : css.warning}>
          <Icon name={one.severity === "error" ? "lost" : "events"} size={16} />
          <div>
            <p>
              <strong>{one.severity === "error" ? "Error" : one.severity === "warning" ? "Warning" : "Note"}:</strong>{" "}
              {one.message}
            </p>
            {one.line != null && (
              <p className="soft small">
                {onGoTo ? (
                  <button type="button" className={css.place} onClick={() => onGoTo(one)}>
                    Line {one.line}, column {one.column}
                  </button>
                ) : (
                  `Line ${one.line}, column ${one.column}`
                )}
                {one.path && `: ${one.path}`}
              </p>
            )}
            {one.hint && <p className="soft small">{one.hint}</p>}
          </div>
        </li>
      ))}
    </ul>
  );
}

export function Timeline({ steps }: { steps: readonly ProfileStep[] }) {
  return (
    <table className={css.timeline} aria-label="Timeline">
      <thead>
        <tr>
          <th scope="col">After</th>
          <th scope="col">On</th>
          <th scope="col">What happens</th>
        </tr>
      </thead>
      <tbody>
        {steps.map((step, i) => (
          <tr key={i}>
            <td className={css.time}>{when(step)}</td>
            <td>{step.depth === 0 ? step.who : ""}</td>
            <td style={{ paddingInlineStart: `${8 + 18 * (step.depth ?? 0)}px` }}>{step.words}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function Preview({ preview, onGoTo }: { preview: ProfilePreview; onGoTo?: GoTo }) {
  return (
    <div className={css.preview}>
      <Findings found={preview.diagnostics} onGoTo={onGoTo} />
      {preview.steps.length > 0 ? (
        <Timeline steps={preview.steps} />
      ) : (
        preview.ok && <p className="soft">This profile does nothing yet.</p>
      )}
    </div>
  );
}
