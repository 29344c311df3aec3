import { expect, it } from "vitest";
import { recordsOf, waitLong } from "./records";

const SAID = '{"acknowledged_seq":3136,"waiting":12,"timestamp":"2026-11-22T12:41:00.000Z"}';
const atS = Date.parse("2026-11-22T12:41:00Z") / 1000;

it("reads what a monitor says, and nothing into what it does not", () => {
  expect(recordsOf(SAID)).toEqual({ waiting: 12, atS });
  expect(recordsOf(undefined)).toBeUndefined();
  expect(recordsOf('{"waiting":12}')).toBeUndefined();
  expect(recordsOf('{"waiting":null,"timestamp":"2026-11-22T12:41:00Z"}')).toBeUndefined();
  expect(recordsOf('broken "timestamp":"2026-11-22T12:41:00Z"')).toBeUndefined();
});

it("is calm about a moment, and about an announcement that is renewed only once a minute", () => {
  expect(waitLong(recordsOf(SAID), atS + 65)).toBe(false);
  expect(waitLong(recordsOf(SAID), atS + 91)).toBe(true);
  expect(waitLong({ waiting: 0, atS }, atS + 9000)).toBe(false);
  expect(waitLong(undefined, atS)).toBe(false);
});
