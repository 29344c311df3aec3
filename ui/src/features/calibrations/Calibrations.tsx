/** Calibrations: those there are, and the guided way to make one. */

import { Route, Routes } from "react-router";
import { NotFound } from "@/parts/NotFound";
import { CalibrationList } from "./CalibrationList";
import { CalibrationPage } from "./CalibrationPage";
import { EstimatorPage } from "./EstimatorPage";
import { NewCalibration } from "./NewCalibration";
import { SessionPage } from "./SessionPage";

export default function Calibrations() {
  return (
    <Routes>
      <Route index element={<CalibrationList />} />
      <Route path="new" element={<NewCalibration />} />
      <Route path="sessions/:unit/:id" element={<SessionPage />} />
      <Route path="estimators/:unit/:device/:name" element={<EstimatorPage />} />
      <Route path=":unit/:device/:name" element={<CalibrationPage />} />
      <Route path="*" element={<NotFound />} />
    </Routes>
  );
}
