/** What kind of reactor a unit is. */

import { useModels } from "@/api/queries";
import type { Reactor, ReactorModel } from "@/api/types";

/** "20 mL", "40 mL XR". */
export function modelName(worker: Pick<Reactor, "model_name">): string {
  const found = /(\d+)ml(_XR)?$/i.exec(worker.model_name ?? "");
  return found ? `${found[1]} mL${found[2] ? " XR" : ""}` : (worker.model_name ?? "no model");
}

export function useModel(worker: Pick<Reactor, "model_name" | "model_version">): ReactorModel | undefined {
  return useModels().data?.find(
    (one) => one.model_name === worker.model_name && one.model_version === worker.model_version,
  );
}
