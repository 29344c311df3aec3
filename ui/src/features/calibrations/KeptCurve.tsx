/** What every kept curve shows, a calibration or an estimator: its name, whether it is in use, and its two actions. */

import { Button } from "@mantine/core";
import type { ReactNode } from "react";
import { Link } from "react-router";
import { path } from "@/api/client";
import { Icon } from "@/parts/icons";
import { Needs } from "@/parts/Needs";
import css from "./calibrations.module.css";

export function CurveName({
  name,
  inUse,
  to,
  children,
}: {
  name: string;
  inUse: boolean;
  to?: string;
  children?: ReactNode;
}) {
  return (
    <p className={css.name}>
      {children}
      {to ? (
        <Link to={to}>
          <strong>{name}</strong>
        </Link>
      ) : (
        <strong>{name}</strong>
      )}
      {inUse && (
        <span className={css.active}>
          <Icon name="check" size={13} />
          In use
        </span>
      )}
    </p>
  );
}

interface ActionsProps {
  name: string;
  unit: string;
  inUse: boolean;
  busy: boolean;
  onUse: () => void;
  onDelete: () => void;
}

export function CurveActions({ name, unit, inUse, busy, onUse, onDelete }: ActionsProps) {
  const use = inUse ? "Stop using" : "Use";
  return (
    <div className={css.actions}>
      <Needs call={["PATCH", path("api", "workers", unit, "active_calibrations", "od", name)]}>
        <Button variant="default" size="xs" disabled={busy} onClick={onUse} aria-label={`${use} ${name} on ${unit}`}>
          {use}
        </Button>
      </Needs>
      <Needs call={["DELETE", path("api", "workers", unit, "calibrations", "od", name)]}>
        <Button
          variant="subtle"
          color="red"
          c="var(--lost)"
          size="xs"
          onClick={onDelete}
          aria-label={`Delete ${name} of ${unit}`}
        >
          Delete
        </Button>
      </Needs>
    </div>
  );
}
