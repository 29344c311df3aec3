/** The rules of alarms: each is switched, changed, and returned to what its job declares. */

import { Button, Group, Switch } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useAlarmRules, useAskAgain } from "@/api/alarms";
import { path, request } from "@/api/client";
import type { RuleInForce } from "@/api/types";
import { Icon } from "@/parts/icons";
import { Needs } from "@/parts/Needs";
import { Problem, Waiting } from "@/parts/Problem";
import css from "./alarms.module.css";
import { NewRuleDialog } from "./NewRuleDialog";
import { RuleDialog } from "./RuleDialog";
import { sourceOf } from "./rules";

export function Rules() {
  const rules = useAlarmRules();
  const askAgain = useAskAgain();
  const [edited, setEdited] = useState<RuleInForce>();
  const [isNew, setIsNew] = useState(false);
  const switching = useMutation({
    mutationFn: ({ name, enabled }: { name: string; enabled: boolean }) =>
      request("PATCH", path("api", "alarms", "rules", name), { enabled }),
    onSettled: askAgain,
  });
  if (rules.error) return <Problem error={rules.error} />;
  if (rules.isPending) return <Waiting what="rules" />;
  return (
    <>
      <Group justify="flex-end" mb="md">
        <Needs call={["PATCH", path("api", "alarms", "rules", "new")]}>
          <Button leftSection={<Icon name="plus" size={16} />} onClick={() => setIsNew(true)}>
            Add rule
          </Button>
        </Needs>
      </Group>
      {switching.error && <Problem error={switching.error} />}
      <ul className={css.list} aria-label="Rules">
        {rules.data.map((one) => (
          <li key={one.rule.name} className={`panel ${css.row}`}>
            <div className={css.about}>
              <h2>{one.rule.title}</h2>
              <p className="soft small">
                {one.rule.severity}; <code>{one.rule.name}</code>, {sourceOf(one)}
              </p>
              {one.fault && <Problem error={one.fault} />}
            </div>
            <Needs call={["PATCH", path("api", "alarms", "rules", one.rule.name)]}>
              <Switch
                aria-label={`${one.rule.title} is an alarm`}
                checked={one.rule.enabled}
                onChange={(event) => switching.mutate({ name: one.rule.name, enabled: event.currentTarget.checked })}
              />
            </Needs>
            <Needs call={["PATCH", path("api", "alarms", "rules", one.rule.name)]}>
              <Button
                size="compact-sm"
                variant="default"
                onClick={() => setEdited(one)}
                aria-label={`Change ${one.rule.title}`}
              >
                Change
              </Button>
            </Needs>
          </li>
        ))}
      </ul>
      <NewRuleDialog opened={isNew} taken={rules.data.map(({ rule }) => rule.name)} onClose={() => setIsNew(false)} />
      <RuleDialog rule={edited} onClose={() => setEdited(undefined)} />
    </>
  );
}
