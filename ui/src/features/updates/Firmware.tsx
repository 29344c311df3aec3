/** Asks before the firmware of a release is written to the boards of units, and shows what each unit answered. */

import { Modal, NativeSelect } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import type { ReleaseArchive } from "@/api/types";
import { useTopics } from "@/live/hooks";
import { EVERYONE, monitor } from "@/live/topics";
import { ConfirmFooter } from "@/parts/ConfirmFooter";
import { UnitAnswers } from "@/parts/UnitAnswers";
import { firmwareOf, firmwareText, writeFirmware } from "./updates";
import css from "./updates.module.css";

interface Props {
  archive: ReleaseArchive;
  units: readonly string[];
  onClose: () => void;
}

export function Firmware({ archive, units, onClose }: Props) {
  const [chosen, setChosen] = useState(units[0] ?? EVERYONE);
  const versions = useTopics(units.map((unit) => monitor(unit, "versions")));
  const writing = useMutation({ mutationFn: () => writeFirmware(archive, chosen) });
  return (
    <Modal opened onClose={onClose} title={`Write the firmware of ${archive.version}?`} size={520}>
      {writing.data ? (
        <UnitAnswers
          answers={Object.entries(writing.data).map(([unit, answer]) => [unit, firmwareText(answer)])}
          onClose={onClose}
        />
      ) : (
        <div className={css.form}>
          <NativeSelect
            label="On"
            value={chosen}
            data={[
              ...units.map((unit, i) => ({ value: unit, label: `${unit}, firmware ${firmwareOf(versions[i])}` })),
              { value: EVERYONE, label: "All units" },
            ]}
            onChange={(event) => setChosen(event.currentTarget.value)}
          />
          <p>
            The unit checks the archive and writes its firmware to the chip on the HAT, which restarts with it. No job
            may run. It has not been tried on a reactor yet: begin with one unit.
          </p>
          <p role="status" className="soft">
            {writing.isPending ? "Sending the archive, then writing. This takes some minutes." : ""}
          </p>
          <ConfirmFooter
            needs={["POST", "/api/system/update_firmware"]}
            error={writing.error}
            confirm="Write firmware"
            isConfirming={writing.isPending}
            onCancel={onClose}
            onConfirm={() => writing.mutate()}
          />
        </div>
      )}
    </Modal>
  );
}
