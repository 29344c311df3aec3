// @vitest-environment happy-dom
import { createRoot } from "react-dom/client";
import { createBrowserRouter, RouterProvider } from "react-router";
import { expect, it, vi } from "vitest";
import { type ChangeParams, useAddressParams } from "./addressParams";

let first: ChangeParams | undefined;

function Page() {
  const [, change] = useAddressParams();
  first ??= change;
  return null;
}

it("loses none of several changes, however early what changes them was made", async () => {
  window.history.replaceState(null, "", "/?find=wild");
  const root = createRoot(document.body.appendChild(document.createElement("div")));
  root.render(<RouterProvider router={createBrowserRouter([{ path: "*", element: <Page /> }])} />);
  await vi.waitFor(() => expect(first).toBeDefined());
  first?.((params) => params.delete("find"));
  first?.((params) => params.set("show", "attention"));
  await vi.waitFor(() => expect(window.location.search).toBe("?show=attention"));
  first?.((params) => params.set("level", "ERROR"));
  await vi.waitFor(() => expect(window.location.search).toBe("?show=attention&level=ERROR"));
  root.unmount();
});
