import { expect, it } from "vitest";
import { writeSvg } from "./svg";

const colors = { ink: "#111", soft: "#555", line: "#ddd", paper: "#fff" };

it("draws curves with gaps, ticks and a legend that breaks into rows", () => {
  const curve = (name: string) => ({
    name,
    stroke: { color: "#00f", dash: [4, 2] },
    runs: [
      [
        [0, 10],
        [5, 20],
      ] as [number, number][],
      [[9, 30]] as [number, number][],
    ],
  });
  const svg = writeSvg({
    title: "OD <90°>",
    yLabel: "nOD",
    width: 200,
    height: 100,
    curves: [curve("Wild type A & B"), curve("a unit with a long name")],
    xTicks: [[50, "1 h"]],
    yTicks: [[25, "0.5"]],
    stepped: true,
    colors,
  });
  expect(svg).toContain("M0 10H5V20M9 30");
  expect(svg).toContain("OD &lt;90°&gt;");
  expect(svg).toContain("Wild type A &amp; B");
  expect(svg).toContain(">1 h</text>");
  expect(svg.match(/<line x1="62"/g)).toHaveLength(2);
});
