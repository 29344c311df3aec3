// @vitest-environment happy-dom
import { act } from "react";
import { createRoot } from "react-dom/client";
import { afterEach, expect, it, vi } from "vitest";
import { LONG_LIST, NearView } from "./NearView";

(globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean }).IS_REACT_ACT_ENVIRONMENT = true;

type Tell = (entries: { target: Element; isIntersecting: boolean }[]) => void;
let tell: Tell = () => undefined;

afterEach(() => vi.unstubAllGlobals());

function shown(count: number): HTMLElement {
  const list = document.createElement("ul");
  const items = Array.from({ length: count }, (_, i) => (
    <NearView key={`r${i}`} name={`reactor ${i}`} heightPx={28} count={count}>
      {() => <button type="button">built {i}</button>}
    </NearView>
  ));
  act(() => createRoot(document.body.appendChild(list)).render(items));
  return list;
}

it("builds the items of a long list that are near, and keeps the names of the others", () => {
  vi.stubGlobal(
    "IntersectionObserver",
    class {
      constructor(told: Tell) {
        tell = told;
      }
      observe = (): void => undefined;
      unobserve = (): void => undefined;
    },
  );
  const list = shown(LONG_LIST + 1);
  expect(list.querySelectorAll("button")).toHaveLength(0);
  expect(list.textContent).toContain("reactor 7");
  const scrolled = (index: number, isIntersecting: boolean): void =>
    act(() => tell([{ target: list.children[index] as Element, isIntersecting }]));
  scrolled(7, true);
  scrolled(8, true);
  expect([...list.querySelectorAll("button")].map((one) => one.textContent)).toEqual(["built 7", "built 8"]);
  list.querySelectorAll("button")[0]?.focus();
  scrolled(7, false);
  scrolled(8, false);
  expect(
    [...list.querySelectorAll("button")].map((one) => one.textContent),
    "the focused one",
  ).toEqual(["built 7"]);
});

it("builds short lists whole, and all where the browser cannot tell what is near", () => {
  vi.stubGlobal("IntersectionObserver", undefined);
  expect(shown(LONG_LIST).querySelectorAll("button")).toHaveLength(LONG_LIST);
  expect(shown(LONG_LIST + 5).querySelectorAll("button")).toHaveLength(LONG_LIST + 5);
});
