/** The unit's estimate of its vial's contents; correct it after filling manually. */

import { useSettingsCollections } from "@/api/queries";
import { correctVial } from "@/control/commands";
import { SettingRow } from "@/control/SettingRow";
import { Problem } from "@/parts/Problem";
import css from "./pioreactors.module.css";

interface Props {
  unit: string;
  experiment: string;
  maxMl: number | undefined;
}

export function VialSettings({ unit, experiment, maxMl }: Props) {
  const { data, error } = useSettingsCollections();
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
              setting={
                setting.key.endsWith("volume_ml") && maxMl !== undefined
                  ? { ...setting, max: Math.min(setting.max ?? maxMl, maxMl) }
                  : setting
              }
              running
              stacked
              command={(value) => correctVial(unit, experiment, setting.key, Number(value))}
            />
          ))}
      </div>
    </section>
  );
}
