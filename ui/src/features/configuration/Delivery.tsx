/** Which unit has which version of the shared configuration, and what keeps the others from it. */

import { Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { get, request } from "@/api/client";
import type { ConfigSync, ConfigsSynced } from "@/api/types";
import { moment, secondsOf } from "@/parts/format";
import { Icon } from "@/parts/icons";
import { Needs } from "@/parts/Needs";
import { Problem } from "@/parts/Problem";
import css from "./configuration.module.css";
import { deliveryOf, summary } from "./deliveryText";

const REFRESH_MS = 5_000;
const WHERE = "/api/config/sync";

export function Delivery({ unit }: { unit: string }) {
  const client = useQueryClient();
  const sync = useQuery({
    queryKey: ["config", "sync"],
    queryFn: ({ signal }) => get<ConfigSync>(WHERE, signal),
    refetchInterval: REFRESH_MS,
  });
  const sending = useMutation({
    mutationFn: () => request<ConfigsSynced>("POST", WHERE, {}),
    onSettled: () => client.invalidateQueries({ queryKey: ["config", "sync"] }),
  });
  if (sync.error) return <Problem error={sync.error} />;
  if (!sync.data || sync.data.units.length === 0) return null;
  const { version } = sync.data;
  const shown = sync.data.units.filter((one) => unit === "" || one.pioreactor_unit === unit);
  const behind = shown.filter((one) => one.state !== "in_step");
  return (
    <section className={`panel ${css.delivery}`} aria-label="Delivery of the shared configuration">
      <div className={css.deliveryHead}>
        <p role="status">
          {version.number > 0 && `Version ${version.number} of ${moment(secondsOf(version.saved_at))}. `}
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
            const { icon, word, text } = deliveryOf(one, version.number);
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
