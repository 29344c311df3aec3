import { expect, it } from "vitest";
import { readStretch, writeStretch } from "./address";

it("reads what it wrote", () => {
  const stretch = { window: 12, zoom: [1_700_000_000, 1_700_003_600] as [number, number] };
  const params = writeStretch(new URLSearchParams("experiment=a&from=x"), stretch);
  expect(params.toString()).toBe("experiment=a&from=2023-11-14T22%3A13%3A20Z&window=12&to=2023-11-14T23%3A13%3A20Z");
  expect(readStretch(params)).toEqual(stretch);
});

it("shows everything where an address says nothing, or nothing that can be read", () => {
  expect(readStretch(new URLSearchParams())).toEqual({ window: undefined, zoom: undefined });
  expect(readStretch(new URLSearchParams("from=yesterday&to=2026-01-01T00:00Z&window=-3"))).toEqual({
    window: "all",
    zoom: undefined,
  });
});

it("leaves nothing in the address when everything is shown", () => {
  expect(writeStretch(new URLSearchParams("from=a&to=b&window=1"), { window: "all", zoom: undefined }).toString()).toBe(
    "",
  );
});
