/** The units of the experiment, and each on a page of its own. */

import { Route, Routes } from "react-router";
import { useFrame } from "@/parts/experiment";
import { NotFound } from "@/parts/NotFound";
import { Empty } from "@/parts/Problem";
import { UnitList } from "./UnitList";
import { UnitPage } from "./UnitPage";

export default function Pioreactors() {
  const { current } = useFrame();
  if (!current) {
    return (
      <>
        <h1 className="visually-hidden">Pioreactors</h1>
        <Empty title="There is no experiment yet." />
      </>
    );
  }
  return (
    <Routes>
      <Route index element={<UnitList experiment={current} />} />
      <Route path=":unit" element={<UnitPage experiment={current} />} />
      <Route path="*" element={<NotFound />} />
    </Routes>
  );
}
