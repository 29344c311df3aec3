import { describe, expect, it } from "vitest";
import { type Happening, IDLE, next, type Outcome, sameValue } from "./outcome";

const outcomeAfter = (...happenings: Happening[]): Outcome => happenings.reduce(next, IDLE);
const sent: Happening = { kind: "sent", targets: ["a", "b"] };

describe("a command", () => {
  it("is confirmed only when every unit has answered", () => {
    expect(outcomeAfter(sent, { kind: "received", target: "a" }).phase).toBe("sent");
    expect(outcomeAfter(sent, { kind: "received", target: "a" }, { kind: "received", target: "b" }).phase).toBe(
      "confirmed",
    );
  });

  it("does not count one unit twice, nor a stranger", () => {
    const outcome = outcomeAfter(
      sent,
      { kind: "received", target: "a" },
      { kind: "received", target: "a" },
      { kind: "received", target: "c" },
    );
    expect(outcome.answered).toEqual(["a"]);
  });

  it("is confirmed by the answer of all units, also when the value was in force before", () => {
    expect(outcomeAfter(sent, { kind: "accepted" })).toMatchObject({ phase: "confirmed", answered: ["a", "b"] });
    expect(outcomeAfter({ kind: "accepted" }).phase).toBe("idle");
  });

  it("turns silent after waiting, and is still confirmed by a late answer", () => {
    const silent = outcomeAfter({ kind: "sent", targets: ["a"] }, { kind: "waited" });
    expect(silent.phase).toBe("silent");
    expect(next(silent, { kind: "received", target: "a" }).phase).toBe("confirmed");
  });

  it("keeps the reason of a refusal, whatever is received later", () => {
    const refused = outcomeAfter(
      sent,
      { kind: "refused", reason: "no calibration" },
      { kind: "received", target: "a" },
      { kind: "waited" },
    );
    expect(refused).toMatchObject({ phase: "refused", reason: "no calibration" });
  });

  it("is refused when the unit publishes the value that it keeps, and confirmed when it takes the new one after all", () => {
    const one: Happening = { kind: "sent", targets: ["a"] };
    const kept = outcomeAfter(one, { kind: "kept", target: "a", reason: "a keeps 37" }, { kind: "waited" });
    expect(kept).toMatchObject({ phase: "refused", reason: "a keeps 37" });
    expect(next(kept, { kind: "received", target: "a" }).phase).toBe("confirmed");
    const confirmed = outcomeAfter(one, { kind: "received", target: "a" });
    expect(next(confirmed, { kind: "kept", target: "a", reason: "" }).phase).toBe("confirmed");
  });

  it("ignores the clock once it is confirmed", () => {
    expect(
      outcomeAfter({ kind: "sent", targets: ["a"] }, { kind: "received", target: "a" }, { kind: "waited" }).phase,
    ).toBe("confirmed");
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
  ])("%s against %s is %s", (value, received, answer) => expect(sameValue(value, received)).toBe(answer));
});
