/** Puts a curve in use or out of use, and asks first where that can do harm. */

import { Checkbox, Modal } from "@mantine/core";
import { type ReactNode, useState } from "react";
import { path } from "@/api/client";
import { useBelow } from "@/live/hooks";
import { parse, state } from "@/live/topics";
import { ConfirmFooter } from "@/parts/ConfirmFooter";
import { Doubts } from "./Fit";
import { type CurveKind, type Toggled, useToggleUse } from "./keptCurves";
import { deviceName } from "./session";

export interface Wanted extends Toggled {
  doubts: readonly string[];
}

/** The units whose dosing automation runs, in any experiment. */
function useDosing(): ReadonlySet<string> {
  const states = useBelow(state("+", "+", "dosing_automation"));
  const running = Object.entries(states).filter(([, value]) => value === "ready" || value === "init");
  return new Set(running.map(([topic]) => parse(topic)?.unit ?? ""));
}

/** Return `use`, which asks where it must, and the dialog to render. */
export function useUse(kind: CurveKind): {
  use: (wanted: Wanted) => void;
  busy: boolean;
  error: unknown;
  refresh: () => Promise<void>;
  dialog: ReactNode;
} {
  const { toggle, refresh } = useToggleUse(kind);
  const dosing = useDosing();
  const [asked, setAsked] = useState<Wanted>();
  const use = (wanted: Wanted): void => {
    if (wanted.inUse || wanted.doubts.length > 0 || dosing.has(wanted.unit)) setAsked(wanted);
    else toggle.mutate(wanted);
  };
  const close = (): void => {
    toggle.reset();
    setAsked(undefined);
  };
  const dialog = (
    <Modal opened={asked !== undefined} onClose={close} title={asked && titleOf(asked)}>
      {asked && (
        <Question
          key={`${asked.unit}/${asked.name}`}
          kind={kind}
          asked={asked}
          isDosing={dosing.has(asked.unit)}
          busy={toggle.isPending}
          error={toggle.error}
          onYes={() => toggle.mutate(asked, { onSuccess: close })}
          onNo={close}
        />
      )}
    </Modal>
  );
  return { use, busy: toggle.isPending, error: asked ? null : toggle.error, refresh, dialog };
}

const titleOf = ({ name, inUse }: Wanted): string => (inUse ? `Stop using ${name}?` : `Use ${name}?`);

/** What becomes of the device. */
export function consequence({ device, unit, inUse }: Toggled): string {
  const what = deviceName(device);
  if (!inUse) return `From its next start on, ${what} of ${unit} uses it.`;
  if (device.endsWith("_pump")) return `Without a calibration, ${what} of ${unit} refuses doses in mL.`;
  return `From its next start on, ${what} of ${unit} is not calibrated.`;
}

/** What it means for running doses. */
export function whileDosing({ device, unit, inUse }: Toggled): string {
  if (!device.endsWith("_pump")) return `Dosing is running on ${unit}, and decides by optical density.`;
  return inUse
    ? `Dosing is running on ${unit}: its next dose will be refused.`
    : `Dosing is running on ${unit}: its next dose will use this curve.`;
}

function Question({
  kind,
  asked,
  isDosing,
  busy,
  error,
  onYes,
  onNo,
}: {
  kind: CurveKind;
  asked: Wanted;
  isDosing: boolean;
  busy: boolean;
  error: unknown;
  onYes: () => void;
  onNo: () => void;
}) {
  const [isSure, setSure] = useState(false);
  const risky = isDosing || asked.doubts.length > 0;
  return (
    <>
      <p>{consequence(asked)}</p>
      {!asked.inUse && <Doubts doubts={asked.doubts} />}
      {isDosing && (
        <>
          <p>
            <strong>{whileDosing(asked)}</strong>
          </p>
          <Checkbox
            mt="sm"
            label="Do it while dosing runs"
            checked={isSure}
            onChange={(event) => setSure(event.currentTarget.checked)}
          />
        </>
      )}
      <ConfirmFooter
        needs={["PATCH", path("api", "workers", asked.unit, `active_${kind}`, asked.device, asked.name)]}
        error={error}
        confirm={asked.inUse ? "Stop using it" : risky ? "Use it all the same" : "Use it"}
        isConfirming={busy}
        isDisabled={isDosing && !isSure}
        isDestructive={risky || asked.inUse}
        onCancel={onNo}
        onConfirm={onYes}
      />
    </>
  );
}
