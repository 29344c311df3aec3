/** What an automation that doses begins with: the volume in the vial, the efflux tube, and the most the vial may hold. */

import { useSettingsCollectionsOf, useWorkers } from "@/api/queries";
import { useReading } from "@/live/hooks";
import { bioreactor } from "@/live/topics";
import { fixed } from "@/parts/format";
import { useModel } from "@/units/models";
import { VolumeBar } from "@/units/VolumeBar";
import { correctVial } from "./commands";
import { SettingRow } from "./SettingRow";

/** What dosing begins with; the other values of the vial are on the page of the unit. */
const ASKED: readonly string[] = ["current_volume_ml", "efflux_tube_volume_ml"];

/** Say what is wrong with the volumes of a vial [mL] for dosing, or nothing. */
export function doubtOf(volume: number | undefined, efflux: number | undefined, most: number): string | undefined {
  if (volume !== undefined && volume > most)
    return `The vial holds ${fixed(volume, 1)} mL, more than ${fixed(most, 0)} mL: nothing is added until waste is removed.`;
  if (efflux !== undefined && efflux > most)
    return `The efflux tube ends at ${fixed(efflux, 1)} mL, above ${fixed(most, 0)} mL, at which dosing stops.`;
  return undefined;
}

export function VialOf({ unit, experiment }: { unit: string; experiment: string }) {
  const worker = useWorkers().data?.find((one) => one.pioreactor_unit === unit);
  const most = useModel(worker ?? { model_name: null, model_version: null })?.reactor_max_fill_volume_ml;
  const volume = useReading(bioreactor(unit, experiment, "current_volume_ml"))?.value;
  const efflux = useReading(bioreactor(unit, experiment, "efflux_tube_volume_ml"))?.value;
  const settings = useSettingsCollectionsOf(unit)
    .data?.find((one) => one.key === "bioreactor")
    ?.published_settings.filter((one) => ASKED.includes(one.key));
  if (most === undefined) return null;
  const doubt = doubtOf(volume, efflux, most);
  return (
    <section aria-label="Vial">
      <VolumeBar unit={unit} experiment={experiment} maxMl={most} />
      {settings?.map((setting) => (
        <SettingRow
          key={setting.key}
          where={{ unit, units: [unit], experiment, job: "bioreactor" }}
          // The automation has a volume of its own beside it: that of a dose.
          setting={setting.key === "current_volume_ml" ? { ...setting, label: "Volume in the vial" } : setting}
          running
          command={(value) => correctVial(unit, experiment, setting.key, Number(value))}
        />
      ))}
      {doubt && (
        <p role="status" style={{ color: "var(--lost)" }}>
          {doubt}
        </p>
      )}
    </section>
  );
}
