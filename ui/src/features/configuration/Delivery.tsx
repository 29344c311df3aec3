/** Which unit has which version of the shared configuration and of its own, and what keeps it from the newest. */

import { Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { get, request } from "@/api/client";
import type { ConfigSync, ConfigsSynced, DeliveryStatus } from "@/api/types";
import { moment, secondsOf } from "@/parts/format";
import { Icon } from "@/parts/icons";
import { Needs } from "@/parts/Needs";
import { Problem } from "@/parts/Problem";
import css from "./configuration.module.css";
import { deliveryOf, summary } from "./deliveryText";

const REFRESH_MS = 5_000;
const WHERE = "/api/config/sync";

export function Delivery({ unit }: { unit: string }) {
  const sync = useQuery({
    queryKey: ["config", "sync"],
    queryFn: ({ signal }) => get<ConfigSync>(WHERE, signal),
    refetchInterval: REFRESH_MS,
  });
  if (sync.error) return <Problem error={sync.error} />;
  if (!sync.data) return null;
  const { version, units, own } = sync.data;
  const ofUnit = (all: DeliveryStatus[]): DeliveryStatus[] =>
    all.filter((one) => unit === "" || one.pioreactor_unit === unit);
  const ownShown = ofUnit(own).filter((one) => one.newest > 0 && (unit !== "" || one.state !== "in_step"));
  return (
    <>
      <Deliveries
        label="Delivery of the shared configuration"
        head={version.number > 0 ? `Version ${version.number} of ${moment(secondsOf(version.saved_at))}. ` : ""}
        shown={ofUnit(units)}
        body={{}}
      />
      <Deliveries
        label={unit === "" ? "Delivery of units' own configurations" : "Delivery of its own configuration"}
        head={unit === "" ? "Own configurations: " : `Version ${ownShown[0]?.newest} of its own configuration. `}
        shown={ownShown}
        body={{ shared: false, specific: true, ...(unit === "" ? {} : { units: [unit] }) }}
      />
    </>
  );
}

interface DeliveriesProps {
  label: string;
  head: string;
  shown: readonly DeliveryStatus[];
  /** What is asked of the leader to send it now. */
  body: object;
}

function Deliveries({ label, head, shown, body }: DeliveriesProps) {
  const client = useQueryClient();
  const sending = useMutation({
    mutationFn: () => request<ConfigsSynced>("POST", WHERE, body),
    onSettled: () => client.invalidateQueries({ queryKey: ["config"] }),
  });
  if (shown.length === 0) return null;
  const behind = shown.filter((one) => one.state !== "in_step");
  return (
    <section className={`panel ${css.delivery}`} aria-label={label}>
      <div className={css.deliveryHead}>
        <p role="status">
          {head}
          {summary(shown)}
        </p>
        {behind.length > 0 && (
          <Needs call={["POST", WHERE]}>
            <Button variant="default" size="xs" loading={sending.isPending} onClick={() => sending.mutate()}>
              Send now
            </Button>
          </Needs>
        )}
      </div>
      {sending.error && <Problem error={sending.error} />}
      {behind.length > 0 && (
        <ul className={css.behind}>
          {behind.map((one) => {
            const { icon, word, text } = deliveryOf(one);
            return (
              <li key={one.pioreactor_unit}>
                <strong>{one.pioreactor_unit}</strong>
                <span className={css[one.state]}>
                  <Icon name={icon} size={15} /> {word}
                </span>
                <span className="soft">{text}</span>
              </li>
            );
          })}
        </ul>
      )}
    </section>
  );
}
