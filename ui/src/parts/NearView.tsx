/** Builds items of a long list when they come near the visible part of the page; the others stand as their names. */

import { type ReactNode, type RefObject, useEffect, useRef, useState } from "react";

/** Items within this distance of the visible part are built [px]: a person who scrolls does not see them appear. */
const NEAR_PX = 600;
/** Shorter lists are built whole. */
export const LONG_LIST = 40;

const callbacks = new WeakMap<Element, (isNear: boolean) => void>();
let shared: IntersectionObserver | undefined;

function observer(): IntersectionObserver {
  shared ??= new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) callbacks.get(target)?.(isIntersecting);
    },
    { rootMargin: `${NEAR_PX}px 0px` },
  );
  return shared;
}

/** Say whether an element is near the visible part; always where the browser cannot tell. */
function useIsNear(box: RefObject<Element | null>, isLazy: boolean): boolean {
  const canTell = isLazy && typeof IntersectionObserver === "function";
  const [near, setNear] = useState(!canTell);
  useEffect(() => {
    const element = box.current;
    if (!canTell || element === null) return;
    // What a person has reached by the keyboard stays, wherever the page is scrolled to.
    callbacks.set(element, (isNear) => setNear(isNear || element.contains(document.activeElement)));
    observer().observe(element);
    return () => {
      callbacks.delete(element);
      observer().unobserve(element);
    };
  }, [box, canTell]);
  return near || !canTell;
}

interface Props {
  /** Stands for the item, for search in the page and for screen readers. */
  name: string;
  /** Of the item while it is not built [px]. */
  heightPx: number;
  /** Of the list. */
  count: number;
  children: () => ReactNode;
}

/** One item of a list. */
export function NearView({ name, heightPx, count, children }: Props) {
  const box = useRef<HTMLLIElement>(null);
  const near = useIsNear(box, count > LONG_LIST);
  return (
    <li ref={box} style={near ? undefined : { minHeight: heightPx }}>
      {near ? children() : name}
    </li>
  );
}
