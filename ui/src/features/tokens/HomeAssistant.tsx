/** Whether units are announced to Home Assistant, and the token whose rights its commands have. */

import { Button, Group, NativeSelect } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { get, request } from "@/api/client";
import type { AccessToken, HomeAssistantStatus } from "@/api/types";
import { Needs } from "@/parts/Needs";
import { Problem } from "@/parts/Problem";
import { described } from "./homeAssistantText";
import css from "./tokens.module.css";

const PATH = "/api/home_assistant";
const KEY = ["home assistant"];

export function HomeAssistant({ tokens }: { tokens: readonly AccessToken[] }) {
  const client = useQueryClient();
  const status = useQuery({ queryKey: KEY, queryFn: ({ signal }) => get<HomeAssistantStatus>(PATH, signal) });
  const [chosen, setChosen] = useState<string>();
  const keep = (answer: HomeAssistantStatus): void => {
    client.setQueryData(KEY, answer);
  };
  const enabling = useMutation({
    mutationFn: (token: string) => request<HomeAssistantStatus>("PUT", PATH, { token: token === "" ? null : token }),
    onSuccess: keep,
  });
  const disabling = useMutation({ mutationFn: () => request<HomeAssistantStatus>("DELETE", PATH), onSuccess: keep });
  const error = status.error ?? enabling.error ?? disabling.error;
  const token = chosen ?? status.data?.token ?? "";
  return (
    <section aria-label="Home Assistant" className={`panel ${css.homeAssistant}`}>
      <h2>Home Assistant</h2>
      {status.data && <p className="soft small">{described(status.data)}</p>}
      {status.data?.password && (
        <p className="small">
          Password, shown this once: <code>{status.data.password}</code>
        </p>
      )}
      {error && <Problem error={error} />}
      <Group align="flex-end">
        <NativeSelect
          label="It may change"
          value={token}
          data={[
            { value: "", label: "Nothing: it only reads" },
            ...tokens.map(({ id, name, username }) => ({ value: id, label: `What ${name} of ${username} may` })),
          ]}
          onChange={(event) => setChosen(event.currentTarget.value)}
        />
        <Needs call={["PUT", PATH]}>
          <Button variant="default" loading={enabling.isPending} onClick={() => enabling.mutate(token)}>
            {status.data?.enabled ? "Apply" : "Show units in Home Assistant"}
          </Button>
        </Needs>
        {status.data?.enabled && (
          <Needs call={["DELETE", PATH]}>
            <Button
              variant="subtle"
              color="red"
              c="var(--lost)"
              loading={disabling.isPending}
              onClick={() => disabling.mutate()}
            >
              Switch off
            </Button>
          </Needs>
        )}
      </Group>
    </section>
  );
}
