/** The vial as it is now: level, color, stirring, heat, light and pumps, from what the unit said last. */

import { useMemo } from "react";
import type { ReactorModel } from "@/api/types";
import { useClusterTime, useReading, useTopic } from "@/live/hooks";
import { momentOf } from "@/live/store";
import { bioreactor, setting } from "@/live/topics";
import { fixed } from "@/parts/format";
import css from "./Vessel.module.css";
import { DRIP_S, GLASS, surfaceY, turbidity, turnS } from "./vial";

interface Props {
  unit: string;
  experiment: string;
  model: ReactorModel | undefined;
}

/** The dose that is dripping right now, if any. */
function useDose(unit: string, experiment: string): string | undefined {
  const payload = useTopic(`pioreactor/${unit}/${experiment}/dosing_events`);
  const now = useClusterTime(1);
  return useMemo(() => {
    const at = payload === undefined ? undefined : momentOf(payload);
    if (payload === undefined || at === undefined || now - at > DRIP_S) return undefined;
    return (JSON.parse(payload) as { event: string }).event;
  }, [payload, now]);
}

function useVial({ unit, experiment, model }: Props) {
  const volume = useReading(bioreactor(unit, experiment, "current_volume_ml"))?.value;
  const efflux = useReading(bioreactor(unit, experiment, "efflux_tube_volume_ml"))?.value;
  const nod = useReading(setting(unit, experiment, "growth_rate_calculating", "od_filtered"), "od_filtered")?.value;
  const rpm = useReading(setting(unit, experiment, "stirring", "measured_rpm"), "measured_rpm")?.value;
  const target = useReading(setting(unit, experiment, "stirring", "target_rpm"))?.value;
  const stirring = useTopic(setting(unit, experiment, "stirring", "$state")) === "ready";
  const heat = useReading(setting(unit, experiment, "temperature_automation", "heater_duty_cycle"))?.value;
  const temperature = useReading(
    setting(unit, experiment, "temperature_automation", "temperature"),
    "temperature",
  )?.value;
  const leds = useTopic(setting(unit, experiment, "leds", "intensity"));
  return {
    volume,
    efflux,
    nod,
    rpm: stirring ? (rpm ?? target ?? 0) : 0,
    heat: heat ?? 0,
    temperature,
    leds: useMemo(() => JSON.parse(leds ?? "{}") as Record<string, number>, [leds]),
    dose: useDose(unit, experiment),
    capacity: model?.reactor_capacity_ml ?? 20,
    maxFill: model?.reactor_max_fill_volume_ml ?? 18,
  };
}

type Vial = ReturnType<typeof useVial>;

function inWords(vial: Vial): string {
  const said = [
    vial.volume === undefined ? "volume unknown" : `${fixed(vial.volume, 1)} of ${vial.maxFill} mL`,
    vial.rpm > 0 ? `stirred at ${fixed(vial.rpm, 0)} RPM` : "not stirred",
    vial.heat > 0 ? `heater at ${fixed(vial.heat, 0)} %` : "heater off",
    vial.temperature === undefined ? "" : `${fixed(vial.temperature, 1)} °C`,
    vial.dose ? vial.dose.replaceAll("_", " ") : "",
  ];
  return said.filter(Boolean).join(", ");
}

export function Vessel(props: Props) {
  const vial = useVial(props);
  return (
    <svg viewBox="0 0 280 350" className={css.vessel} role="img" aria-label={`The vial: ${inWords(vial)}`}>
      <Tubes vial={vial} />
      <Liquid vial={vial} />
      <Glass vial={vial} />
      <StirBar rpm={vial.rpm} />
      <Leds leds={vial.leds} />
      <Plate vial={vial} />
    </svg>
  );
}

function Liquid({ vial }: { vial: Vial }) {
  if (vial.volume === undefined) return null;
  const y = surfaceY(vial.volume, vial.capacity);
  const { left, right, bottom, radius } = GLASS;
  const body = `M${left} ${y}H${right}V${bottom - radius}a${radius} ${radius} 0 0 1 -${radius} ${radius}H${left + radius}a${radius} ${radius} 0 0 1 -${radius} -${radius}Z`;
  return (
    <g>
      <path d={body} className={css.liquid} />
      <path d={body} className={css.culture} style={{ opacity: turbidity(vial.nod) }} />
      <ellipse cx={(left + right) / 2} cy={y} rx={(right - left) / 2} ry="6" className={css.surface} />
    </g>
  );
}

function Logo({ y, words, strong = false }: { y: number; words: string; strong?: boolean }) {
  return (
    <g>
      <line x1={GLASS.right - 14} x2={GLASS.right + 10} y1={y} y2={y} className={strong ? css.markStrong : css.mark} />
      <text x={GLASS.right + 14} y={y + 4} className={css.words}>
        {words}
      </text>
    </g>
  );
}

function Glass({ vial }: { vial: Vial }) {
  const { left, right, top, bottom, radius } = GLASS;
  return (
    <g>
      <path
        d={`M${left - 3} ${top - 16}V${bottom - radius}a${radius + 3} ${radius + 3} 0 0 0 ${radius + 3} ${radius + 3}H${right - radius}a${radius + 3} ${radius + 3} 0 0 0 ${radius + 3} -${radius + 3}V${top - 16}`}
        className={css.glass}
      />
      <rect x={left - 10} y={top - 34} width={right - left + 20} height="20" rx="5" className={css.cap} />
      <Logo y={surfaceY(vial.maxFill, vial.capacity)} words={`max ${fixed(vial.maxFill, 0)} mL`} />
      {vial.efflux !== undefined && (
        <Logo y={surfaceY(vial.efflux, vial.capacity)} words={`efflux ${fixed(vial.efflux, 1)}`} />
      )}
      {vial.volume !== undefined && (
        <text
          x={(left + right) / 2}
          y={Math.min(surfaceY(vial.volume, vial.capacity) + 34, bottom - 40)}
          className={css.volume}
        >
          {fixed(vial.volume, 1)} mL
        </text>
      )}
    </g>
  );
}

const TUBES: { event: string; x: number; words: string }[] = [
  { event: "add_media", x: 106, words: "media" },
  { event: "add_alt_media", x: 140, words: "alt." },
  { event: "remove_waste", x: 174, words: "waste" },
];

function Tubes({ vial }: { vial: Vial }) {
  const efflux = vial.efflux === undefined ? GLASS.top + 30 : surfaceY(vial.efflux, vial.capacity);
  return (
    <g>
      {TUBES.map(({ event, x, words }) => {
        const runs = vial.dose === event;
        const end = event === "remove_waste" ? efflux : GLASS.top + 16;
        return (
          <g key={event} className={runs ? css.runs : undefined}>
            <line x1={x} x2={x} y1="12" y2={end} className={css.tube} />
            {runs && <circle cx={x} cy={end + 8} r="3.5" className={event === "remove_waste" ? css.rise : css.drip} />}
            <text x={x} y="9" className={css.tubeWords}>
              {words}
            </text>
          </g>
        );
      })}
    </g>
  );
}

function StirBar({ rpm }: { rpm: number }) {
  const seconds = turnS(rpm);
  return (
    <g>
      <g
        className={css.bar}
        style={seconds === undefined ? {} : { animation: `${css.turn} ${seconds}s linear infinite` }}
      >
        <rect x="118" y="281" width="44" height="9" rx="4.5" />
      </g>
      <text x="82" y="290" className={css.wordsLeft}>
        {rpm > 0 ? `${fixed(rpm, 0)} RPM` : "still"}
      </text>
    </g>
  );
}

function Leds({ leds }: { leds: Record<string, number> }) {
  return (
    <g>
      {["A", "B", "C", "D"].map((channel, index) => {
        const percent = leds[channel] ?? 0;
        const y = 130 + index * 34;
        return (
          <g key={channel}>
            <circle cx="62" cy={y} r="7" className={css.led} />
            {percent > 0 && (
              <circle cx="62" cy={y} r="7" className={css.lit} style={{ opacity: 0.35 + (0.65 * percent) / 100 }} />
            )}
            <text x="48" y={y + 4} className={css.wordsLeft}>
              {channel} {fixed(percent, 0)} %
            </text>
          </g>
        );
      })}
    </g>
  );
}

function Plate({ vial }: { vial: Vial }) {
  return (
    <g>
      <rect x="76" y="306" width="128" height="14" rx="4" className={css.plate} />
      {vial.heat > 0 && (
        <rect
          x="76"
          y="306"
          width="128"
          height="14"
          rx="4"
          className={css.hot}
          style={{ opacity: 0.3 + (0.7 * Math.min(vial.heat, 100)) / 100 }}
        />
      )}
      <text x="140" y="338" className={css.tubeWords}>
        {vial.heat > 0 ? `heater ${fixed(vial.heat, 0)} %` : "heater off"}
        {vial.temperature !== undefined && `, ${fixed(vial.temperature, 1)} °C`}
      </text>
    </g>
  );
}
