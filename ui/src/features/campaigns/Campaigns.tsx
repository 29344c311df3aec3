/** Campaigns of the experiment: arms, what is predicted, and which setting was best. The chosen one is in the address. */

import { Button, Group, NativeSelect } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { get, path, request } from "@/api/client";
import type { Campaign, CampaignKnowledge, CampaignShown } from "@/api/types";
import { useAddressParams } from "@/parts/addressParams";
import { useFrame } from "@/parts/experiment";
import { count } from "@/parts/format";
import { Needs } from "@/parts/Needs";
import { PageHeader } from "@/parts/PageHeader";
import { Empty, Problem, Waiting } from "@/parts/Problem";
import { Arms } from "./Arms";
import { limitsOf, predictionOf, settingOf } from "./campaigns";
import css from "./campaigns.module.css";
import { FactorBands } from "./FactorBands";
import { NewCampaign } from "./NewCampaign";

export default function Campaigns() {
  const { current } = useFrame();
  const experiment = current?.experiment ?? "";
  const where = path("api", "experiments", experiment, "campaigns");
  const [params, change] = useAddressParams();
  const listed = useQuery({
    queryKey: ["campaigns", experiment],
    queryFn: ({ signal }) => get<Campaign[]>(where, signal),
    enabled: experiment !== "",
  });
  const names = listed.data?.map((one) => one.campaign) ?? [];
  const chosen = names.find((name) => name === params.get("campaign")) ?? names[0];
  return (
    <>
      <PageHeader
        title="Campaigns"
        about={<span>The best setting of several factors, by arms whose settings follow from what was measured.</span>}
        actions={<NewCampaign where={where} />}
      />
      {listed.error ? (
        <Problem error={listed.error} />
      ) : listed.isPending ? (
        <Waiting what="campaigns" />
      ) : chosen === undefined ? (
        <Empty title="There is no campaign yet.">
          <p className="soft">A campaign varies temperature, media, light or stirring within limits that you set.</p>
        </Empty>
      ) : (
        <>
          <NativeSelect
            label="Campaign"
            maw={360}
            mb="md"
            data={names}
            value={chosen}
            onChange={(event) => {
              const { value } = event.currentTarget;
              change((now) => now.set("campaign", value));
            }}
          />
          <OneCampaign
            key={chosen}
            experiment={experiment}
            name={chosen}
            where={path("api", "experiments", experiment, "campaigns", chosen)}
          />
        </>
      )}
    </>
  );
}

function OneCampaign({ experiment, name, where }: { experiment: string; name: string; where: string }) {
  const client = useQueryClient();
  const shown = useQuery({
    queryKey: ["campaigns", experiment, name],
    queryFn: ({ signal }) => get<CampaignShown>(where, signal),
    refetchInterval: 30_000,
  });
  const knowledge = useQuery({
    queryKey: ["campaigns", experiment, name, "knowledge"],
    queryFn: ({ signal }) => get<CampaignKnowledge>(`${where}/knowledge`, signal),
  });
  const acting = useMutation({
    mutationFn: (verb: "arms" | "end") => request("POST", `${where}/${verb}`, {}),
    onSuccess: () => client.invalidateQueries({ queryKey: ["campaigns"] }),
  });
  if (shown.error) return <Problem error={shown.error} />;
  if (shown.isPending) return <Waiting what="the campaign" />;
  const { definition, arms, campaign } = shown.data;
  const best = knowledge.data?.best;
  return (
    <div className={css.parts}>
      <p>
        {definition.objective.maximize === false ? "Smallest" : "Largest"}{" "}
        <code>{definition.objective.expression}</code> of arms of {definition.hours} h.{" "}
        {knowledge.data &&
          `${count(knowledge.data.done, "arm")} with a result, ${knowledge.data.failed} of them failed; ${knowledge.data.settings_left} settings left.`}
        {(definition.limits ?? []).length > 0 &&
          ` Limits: ${(definition.limits ?? []).map((one) => one.name).join(", ")}.`}
      </p>
      {knowledge.error && <Problem error={knowledge.error} />}
      {best && (
        <section aria-label="Best setting">
          <h2>Best setting tried: {settingOf(best.setting, definition)}</h2>
          <p>
            Predicted objective {predictionOf(best)} (95 %).{limitsOf(best) && ` It is at: ${limitsOf(best)}.`}
          </p>
          <p className="soft small">
            Along each factor, the others as in this setting. The band is that of a smooth model of these results.
          </p>
          <FactorBands bands={knowledge.data?.bands ?? []} best={best.setting} />
        </section>
      )}
      {acting.error && <Problem error={acting.error} />}
      <Group>
        <Needs call={["POST", `${where}/arms`]}>
          <Button
            disabled={campaign.ended_at !== null}
            loading={acting.isPending}
            onClick={() => acting.mutate("arms")}
          >
            Ask for the next arms
          </Button>
        </Needs>
        <Needs call={["POST", `${where}/end`]}>
          <Button variant="default" disabled={campaign.ended_at !== null} onClick={() => acting.mutate("end")}>
            End campaign
          </Button>
        </Needs>
      </Group>
      <Arms arms={arms} definition={definition} where={where} />
    </div>
  );
}
