/** Combines what several units say about the same settings: the bounds that hold on all of them. */

import type { AutomationDescriptor, JobDescriptor, PublishedSetting } from "./types";

interface Bounded {
  key: string;
  min?: number | null;
  max?: number | null;
}

const bound = (values: (number | null | undefined)[], pick: (...values: number[]) => number): number | null => {
  const known = values.filter((value): value is number => typeof value === "number");
  return known.length > 0 ? pick(...known) : null;
};

/** Return the first list, each entry with the narrowest bounds that any of the lists gives it. */
function narrowedSettings<T extends Bounded>(lists: readonly (readonly T[])[]): T[] {
  const [first = []] = lists;
  return first.map((one) => {
    const same = lists.flatMap((list) => list.find((other) => other.key === one.key) ?? []);
    const [min, max] = [
      bound(
        same.map((each) => each.min),
        Math.max,
      ),
      bound(
        same.map((each) => each.max),
        Math.min,
      ),
    ];
    return { ...one, ...(min === null ? {} : { min }), ...(max === null ? {} : { max }) };
  });
}

/** Return the automations that all units have, with bounds that hold on all; undefined while none has answered. */
export function narrowed(answers: readonly AutomationDescriptor[][]): AutomationDescriptor[] | undefined {
  const [first] = answers;
  if (first === undefined) return undefined;
  return first.flatMap((automation) => {
    const same = answers.map((answer) => answer.find((one) => one.automation_name === automation.automation_name));
    const found = same.filter((one) => one !== undefined);
    if (found.length < answers.length) return [];
    return {
      ...automation,
      fields: narrowedSettings(found.map(({ fields }) => fields)),
      published_settings: narrowedSettings<PublishedSetting>(found.map((one) => one.published_settings ?? [])),
    };
  });
}

export function narrowedJob(answers: readonly JobDescriptor[]): JobDescriptor | undefined {
  const [first] = answers;
  return first && { ...first, published_settings: narrowedSettings(answers.map((one) => one.published_settings)) };
}
