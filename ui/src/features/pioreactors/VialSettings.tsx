/** The unit's estimate of its vial's contents; correct it after filling manually. */

import { useSettingsCollectionsOf } from "@/api/queries";
import { correctVial } from "@/control/commands";
import { SettingRow } from "@/control/SettingRow";
import { Problem } from "@/parts/Problem";
import css from "./pioreactors.module.css";

interface Props {
  unit: string;
  experiment: string;
}

export function VialSettings({ unit, experiment }: Props) {
  const { data, error } = useSettingsCollectionsOf(unit);
  const vial = data?.find((one) => one.key === "bioreactor");
  if (error) return <Problem error={error} />;
  if (!vial) return null;
  return (
    <section className={`panel ${css.padded}`} aria-label="Vial settings">
      <h2>Vial</h2>
      <p className="soft small">The unit's current estimate. Correct it after filling or emptying the vial manually.</p>
      <div className={css.vialGrid}>
        {vial.published_settings
          .filter((setting) => setting.display)
          .map((setting) => (
            <SettingRow
              key={setting.key}
              where={{ unit, units: [unit], experiment, job: "bioreactor" }}
              setting={setting}
              running
              stacked
              command={(value) => correctVial(unit, experiment, setting.key, Number(value))}
            />
          ))}
      </div>
    </section>
  );
}
