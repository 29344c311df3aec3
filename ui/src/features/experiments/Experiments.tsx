/** All experiments, and two of them side by side. */

import { Route, Routes } from "react-router";
import { NotFound } from "@/parts/NotFound";
import { Compare } from "./Compare";
import { ExperimentList } from "./ExperimentList";

export default function Experiments() {
  return (
    <Routes>
      <Route index element={<ExperimentList />} />
      <Route path="compare" element={<Compare />} />
      <Route path="*" element={<NotFound />} />
    </Routes>
  );
}
