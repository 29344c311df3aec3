import { describe, expect, it } from "vitest";
import { type Happening, IDLE, next, type Outcome, sameValue } from "./outcome";

const after = (...happenings: Happening[]): Outcome => happenings.reduce(next, IDLE);
const sent: Happening = { kind: "sent", targets: ["a", "b"] };

describe("a command", () => {
  it("is confirmed only when every unit has answered", () => {
    expect(after(sent, { kind: "heard", target: "a" }).phase).toBe("sent");
    expect(after(sent, { kind: "heard", target: "a" }, { kind: "heard", target: "b" }).phase).toBe("confirmed");
  });

  it("does not count one unit twice, nor a stranger", () => {
    const outcome = after(
      sent,
      { kind: "heard", target: "a" },
      { kind: "heard", target: "a" },
      { kind: "heard", target: "c" },
    );
    expect(outcome.answered).toEqual(["a"]);
  });

  it("turns silent after waiting, and is still confirmed by a late answer", () => {
    const silent = after({ kind: "sent", targets: ["a"] }, { kind: "waited" });
    expect(silent.phase).toBe("silent");
    expect(next(silent, { kind: "heard", target: "a" }).phase).toBe("confirmed");
  });

  it("keeps the reason of a refusal, whatever is heard later", () => {
    const refused = after(
      sent,
      { kind: "refused", reason: "no calibration" },
      { kind: "heard", target: "a" },
      { kind: "waited" },
    );
    expect(refused).toMatchObject({ phase: "refused", reason: "no calibration" });
  });

  it("ignores the clock once it is confirmed", () => {
    expect(after({ kind: "sent", targets: ["a"] }, { kind: "heard", target: "a" }, { kind: "waited" }).phase).toBe(
      "confirmed",
    );
  });
});

describe("sameValue", () => {
  it.each([
    [30, "30.0", true],
    [0, "", false],
    [0.1, "0.1", true],
    [0.1, "0.2", false],
    [true, "True", true],
    [false, "True", false],
    ["auto", "auto", true],
  ])("%s against %s is %s", (value, heard, answer) => expect(sameValue(value, heard)).toBe(answer));
});
