/** What is predicted along each factor, the others at the best setting tried. */

import type { FactorBand } from "@/api/types";
import { bandPaths, digits } from "./campaigns";
import css from "./campaigns.module.css";

const WIDTH = 300;
const HEIGHT = 140;

interface Props {
  bands: readonly FactorBand[];
  best: Record<string, number>;
}

export function FactorBands({ bands, best }: Props) {
  return (
    <div className={css.bands}>
      {bands.map((band) => (
        <Band key={band.factor} band={band} best={best[band.factor] ?? 0} />
      ))}
    </div>
  );
}

function Band({ band, best }: { band: FactorBand; best: number }) {
  const { mean, area, refused, from, to, x } = bandPaths(band, WIDTH, HEIGHT);
  const range = `${digits(band.at[0] ?? 0)} to ${digits(band.at.at(-1) ?? 0)} ${band.unit}`.trim();
  const title = `Objective from ${digits(from)} to ${digits(to)} along ${band.factor}, ${range}`;
  return (
    <figure>
      <figcaption>
        <strong>{band.factor}</strong>{" "}
        <span className="soft small">
          {range}; objective {digits(from)} to {digits(to)}
        </span>
      </figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={title}>
        {refused.map((at) => (
          <line key={at} className={css.refused} x1={at} x2={at} y1={0} y2={HEIGHT} />
        ))}
        <path className={css.area} d={area} />
        <path className={css.mean} d={mean} />
        <line className={css.best} x1={x(best)} x2={x(best)} y1={0} y2={HEIGHT} />
      </svg>
    </figure>
  );
}
