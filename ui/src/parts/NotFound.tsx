/** What is shown at an address that no page has. */

import { Link } from "react-router";
import { PageHeader } from "./PageHeader";
import { Empty } from "./Problem";

export function NotFound() {
  return (
    <>
      <PageHeader title="Page not found" />
      <Empty title="There is no page at this address.">
        <Link to="/overview">Go to the overview</Link>
      </Empty>
    </>
  );
}
