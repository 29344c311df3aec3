/** Hands at a simulated reactor: exchange its vial for a standard, and collect in a cup what its pumps move. */

import { Button, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { plain } from "@/parts/format";
import { Needs } from "@/parts/Needs";
import { Problem } from "@/parts/Problem";
import css from "./calibrations.module.css";
import { isUsed, type useBench } from "./labBench";
import type { BenchOffer } from "./metadata";

type Bench = ReturnType<typeof useBench>;

/** Shows what the step has a use for, and what is still to be put back; nothing beside a real reactor. */
export function LabBench({ bench, offer }: { bench: Bench; offer: BenchOffer }) {
  const { state, acting, needs } = bench;
  if (!state || !(offer.vial || offer.cup || isUsed(state))) return null;
  const inside = state.vial === "standard" ? `a standard of OD600 ${plain(state.standard_od ?? 0)}` : "the culture";
  const isAtVial = offer.vial !== undefined || state.vial === "standard";
  const isAtCup = offer.cup !== undefined || state.tubes === "cup";
  return (
    <section className={css.bench} aria-label="Simulated bench">
      <h3>Simulated bench</h3>
      {isAtVial && (
        <>
          <p>
            In the reactor: <strong>{inside}</strong>, {plain(Number(state.volume_ml.toFixed(2)))} mL.
            {state.vial === "standard" && " The culture stands aside as it was."}
          </p>
          {offer.vial && <Place key={offer.vial.od} od={offer.vial.od} bench={bench} />}
          {state.vial === "standard" && (
            <Needs call={needs}>
              <Button
                variant="default"
                size="xs"
                disabled={acting.isPending}
                onClick={() => acting.mutate({ act: "put_culture_back" })}
              >
                Put the culture back
              </Button>
            </Needs>
          )}
        </>
      )}
      {isAtCup && (
        <>
          <p>
            Scale: <strong className="num">{state.cup_ml.toFixed(3)} mL</strong> in the cup. The tubes of the pumps lead
            into the <strong>{state.tubes}</strong>.
          </p>
          <div className={css.benchActs}>
            <Needs call={needs}>
              <Button
                variant="default"
                size="xs"
                disabled={acting.isPending}
                onClick={() => acting.mutate({ act: "tare" })}
              >
                {state.tubes === "cup" ? "Empty and tare the cup" : "Lead the tubes into the cup"}
              </Button>
            </Needs>
            {state.tubes === "cup" && (
              <Needs call={needs}>
                <Button
                  variant="default"
                  size="xs"
                  disabled={acting.isPending}
                  onClick={() => acting.mutate({ act: "lead_tubes_back" })}
                >
                  Lead the tubes back to the vial
                </Button>
              </Needs>
            )}
          </div>
        </>
      )}
      {acting.error && <Problem error={acting.error} />}
    </section>
  );
}

function Place({ od, bench: { state, acting, needs } }: { od: number; bench: Bench }) {
  const [density, setDensity] = useState(String(od));
  const [volume, setVolume] = useState<string>();
  const ml = volume ?? (state ? plain(Number(state.volume_ml.toFixed(2))) : "");
  const values = { od: Number(density.trim().replace(",", ".")), volume_ml: Number(ml.trim().replace(",", ".")) };
  const isSound = density.trim() !== "" && values.od >= 0 && values.volume_ml > 0;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (isSound) acting.mutate({ act: "place_standard", ...values });
  };
  return (
    <form onSubmit={submit} className={css.benchActs} noValidate>
      <TextInput
        label="OD600 to place"
        size="xs"
        inputMode="decimal"
        autoComplete="off"
        value={density}
        onChange={(event) => setDensity(event.currentTarget.value)}
      />
      <TextInput
        label="Volume to place (mL)"
        size="xs"
        inputMode="decimal"
        autoComplete="off"
        value={ml}
        onChange={(event) => setVolume(event.currentTarget.value)}
      />
      <Needs call={needs}>
        <Button type="submit" variant="default" size="xs" disabled={!isSound || acting.isPending}>
          Place this standard
        </Button>
      </Needs>
    </form>
  );
}
