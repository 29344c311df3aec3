import answersText from "@/demo/recording/answers.json?raw";
import type { Story } from "@/stories/story";

/** The recorder leaves a session open on the third unit. */
const session = /\/api\/workers\/worker3\/calibrations\/sessions\/([0-9a-f-]+)"/.exec(answersText)?.[1] ?? "";

export const stories: readonly Story[] = [
  {
    name: "the curves of all units",
    path: "/calibrations",
    heading: "Calibrations",
    alerts: [/reactor-05 did not say which calibrations it has/],
    shows: ["yeast-od600", /y = .*x/, "media pump", "Coverage", "Not known"],
  },
  {
    name: "the choice of what to calibrate",
    path: "/calibrations/new?unit=reactor-01&device=media_pump",
    heading: "Calibrate",
    shows: ["Pump by time"],
  },
  {
    name: "a session in its first step",
    path: `/calibrations/sessions/reactor-03/${session}`,
    heading: /pump/i,
    shows: [/Cancel calibration/],
  },
  {
    name: "an estimator that a unit does not have",
    path: "/calibrations/estimators/reactor-01/od_fused/fused",
    heading: "fused",
    shows: [/reactor-01 has no estimator fused/],
  },
];
