/** The cameras of the experiment side by side, and the stills of each on a page of its own. */

import { Route, Routes } from "react-router";
import { useFrame } from "@/parts/experiment";
import { NotFound } from "@/parts/NotFound";
import { PageHeader } from "@/parts/PageHeader";
import { Empty } from "@/parts/Problem";
import { CameraGrid } from "./CameraGrid";
import { UnitStills } from "./UnitStills";

export default function Cameras() {
  const { current } = useFrame();
  if (!current) {
    return (
      <>
        <PageHeader title="Cameras" />
        <Empty title="There is no experiment yet." />
      </>
    );
  }
  return (
    <Routes>
      <Route index element={<CameraGrid experiment={current.experiment} />} />
      <Route path=":unit" element={<UnitStills experiment={current.experiment} />} />
      <Route path="*" element={<NotFound />} />
    </Routes>
  );
}
