/** Takes the definition of a campaign as YAML. */

import { Button, Group, Modal, Textarea } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { request } from "@/api/client";
import { Icon } from "@/parts/icons";
import { Needs } from "@/parts/Needs";
import { Problem } from "@/parts/Problem";
import { EXAMPLE } from "./campaigns";

export function NewCampaign({ where }: { where: string }) {
  const client = useQueryClient();
  const [opened, setOpened] = useState(false);
  const [text, setText] = useState(EXAMPLE);
  const creating = useMutation({
    mutationFn: () => request("POST", where, { definition: text }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ["campaigns"] });
      setOpened(false);
    },
  });
  return (
    <>
      <Needs call={["POST", where]}>
        <Button leftSection={<Icon name="plus" size={16} />} onClick={() => setOpened(true)}>
          New campaign
        </Button>
      </Needs>
      <Modal opened={opened} onClose={() => setOpened(false)} title="New campaign" size="lg">
        <Textarea
          label="Definition"
          description="Factors, limits, objective and profile as YAML. Each factor is an input of the profile."
          autosize
          minRows={12}
          maxRows={24}
          spellCheck={false}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
        />
        {creating.error && <Problem error={creating.error} />}
        <Group justify="flex-end" mt="md">
          <Needs call={["POST", where]}>
            <Button loading={creating.isPending} onClick={() => creating.mutate()}>
              Create campaign
            </Button>
          </Needs>
        </Group>
      </Modal>
    </>
  );
}
