/** Profiles: what happens when, written down once, and run on an experiment. */

import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useSearchParams } from "react-router";
import { get } from "@/api/client";
import { useFrame } from "@/parts/experiment";
import { count } from "@/parts/format";
import { Icon } from "@/parts/icons";
import { PageHeader } from "@/parts/PageHeader";
import { Empty, Problem, Waiting } from "@/parts/Problem";
import { PROFILES, type ProfileRow } from "./api";
import { ProfileEditor } from "./ProfileEditor";
import { ProfileView } from "./ProfileView";
import { Runs } from "./Runs";
import css from "./profiles.module.css";

export const nameOf = (row: ProfileRow): string => String(row.experimentProfile.experiment_profile_name ?? row.file);

export default function Profiles() {
  const { current } = useFrame();
  const [params, setParams] = useSearchParams();
  const [editing, setEditing] = useState<"new" | "copy" | "edit">();
  const { data, error, isPending } = useQuery({ queryKey: PROFILES, queryFn: ({ signal }) => get<ProfileRow[]>("/api/experiment_profiles", signal), staleTime: 5_000 });
  const chosen = data?.find((one) => one.file === params.get("file")) ?? data?.[0];
  const choose = (file: string): void => setParams({ file }, { replace: true });
  return (
    <>
      <PageHeader
        title="Profiles"
        about={<span>{count(data?.length ?? 0, "profile")} on the leader</span>}
        actions={
          <Button leftSection={<Icon name="plus" size={16} />} onClick={() => setEditing("new")}>
            New profile
          </Button>
        }
      />
      {current && <Runs experiment={current.experiment} />}
      {error ? (
        <Problem error={error} />
      ) : isPending ? (
        <Waiting what="profiles" />
      ) : !chosen ? (
        <Empty title="There is no profile yet.">
          <p className="soft">A profile starts, changes and stops activities at the hours you write down.</p>
        </Empty>
      ) : (
        <div className={css.two}>
          <nav aria-label="Profiles" className={`panel ${css.list}`}>
            <ul>
              {data.map((one) => (
                <li key={one.file}>
                  <button type="button" className={css.item} aria-current={one.file === chosen.file} onClick={() => choose(one.file)}>
                    <strong>{nameOf(one)}</strong>
                    <span className="soft small">{one.file}</span>
                  </button>
                </li>
              ))}
            </ul>
          </nav>
          <ProfileView key={chosen.file} row={chosen} experiment={current?.experiment} onEdit={() => setEditing("edit")} onCopy={() => setEditing("copy")} />
        </div>
      )}
      <ProfileEditor
        opened={editing !== undefined}
        mode={editing ?? "new"}
        row={editing === "new" ? undefined : chosen}
        taken={(data ?? []).map((one) => one.file)}
        onClose={() => setEditing(undefined)}
        onSaved={(file) => {
          setEditing(undefined);
          choose(file);
        }}
      />
    </>
  );
}
