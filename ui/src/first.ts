/** Runs as soon as the browser has it, before the code of the page. */

import { askAhead } from "./app/ahead";

// The demonstration has no leader.
if (import.meta.env.MODE !== "demo") askAhead(location);
