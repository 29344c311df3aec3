/** Offers a control only to people who may use it; to others it says which right it needs. */

import { Tooltip } from "@mantine/core";
import { cloneElement, type ReactElement } from "react";
import { useAssignments } from "@/api/queries";
import { type Call, needsAssignments, refusalOf } from "@/api/rights";
import { usePerson } from "@/app/session";

/** One request, or several of which each has to be allowed. */
export type Calls = Call | readonly Call[];

const isOne = (calls: Calls): calls is Call => typeof calls[0] === "string";

/** Why the person who is signed in may not make these requests; undefined when nothing speaks against it. */
export function useRefusal(calls: Calls): string | undefined {
  const rights = usePerson().data?.rights;
  const assignments = useAssignments(needsAssignments(rights)).data;
  const experimentOf = (unit: string): string | undefined =>
    assignments?.find((one) => one.pioreactor_unit === unit)?.experiment ?? undefined;
  const asked = isOne(calls) ? [calls] : calls;
  return asked.map((call) => refusalOf(rights, call, experimentOf)).find((reason) => reason !== undefined);
}

const hold = (event: { preventDefault?: () => void } | undefined): void => event?.preventDefault?.();

interface Props {
  call: Calls;
  /** A button, menu item, switch or select. */
  children: ReactElement<Record<string, unknown>>;
}

export function Needs({ call, children }: Props) {
  const refusal = useRefusal(call);
  if (refusal === undefined) return children;
  const { type } = children.props;
  // Not `disabled`: the keyboard has to reach what explains itself.
  const held = cloneElement(children, {
    "aria-disabled": true,
    "aria-description": refusal,
    "data-refused": true,
    disabled: false,
    loading: undefined,
    onClick: hold,
    ...("onChange" in children.props && { onChange: hold }),
    ...(type === "submit" && { type: "button" }),
  });
  return (
    <Tooltip label={refusal} multiline maw={280} events={{ hover: true, focus: true, touch: true }}>
      {held}
    </Tooltip>
  );
}
