// @vitest-environment happy-dom
import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { createRoot } from "react-dom/client";
import { afterEach, expect, it, vi } from "vitest";
import { type Answer, answerWith, type Headers, type Method, Refused, request } from "@/api/client";
import { ChangeQuestion } from "./ChangeQuestion";

const asked = (code: string): Answer => ({ status: 428, body: { error: "it is asked for", status: 428, code } });
const sent: { method: Method; path: string; body: unknown; headers: Headers }[] = [];
let close: () => void = () => undefined;

/** A leader that wants a reason and a signature, which takes the password `right`. */
async function leader(method: Method, path: string, body?: unknown, _?: AbortSignal, headers?: Headers) {
  sent.push({ method, path, body, headers: headers ?? {} });
  if (path === "/auth/me") return { status: 200, body: { username: "ana", kind: "person", rights: null } };
  if (path === "/auth/signatures")
    return (body as { password: string }).password === "right"
      ? { status: 201, body: { id: "s1", valid_for_s: 60 } }
      : { status: 403, body: { error: "Wrong password; nothing was signed.", status: 403 } };
  if (!headers?.["X-Pioreactor-Reason"]) return asked("reason_required");
  return headers["X-Pioreactor-Signature"] ? { status: 200, body: "done" } : asked("signature_required");
}

async function show(): Promise<void> {
  sent.length = 0;
  answerWith(leader);
  const root = createRoot(document.body.appendChild(document.createElement("div")));
  close = () => root.unmount();
  root.render(
    <MantineProvider env="test">
      <QueryClientProvider client={new QueryClient()}>
        <ChangeQuestion />
      </QueryClientProvider>
    </MantineProvider>,
  );
  await new Promise((resolve) => setTimeout(resolve, 20));
}

const fieldOf = async (text: string): Promise<HTMLInputElement> =>
  vi.waitFor(() => {
    const label = [...document.querySelectorAll("label")].find((one) => one.textContent?.startsWith(text));
    const field = label && document.getElementById(label.htmlFor);
    if (!field) throw new Error(`no field ${text}`);
    return field as HTMLInputElement;
  });

async function enter(label: string, value: string, button: string): Promise<void> {
  const field = await fieldOf(label);
  const prototype = field instanceof HTMLTextAreaElement ? HTMLTextAreaElement.prototype : HTMLInputElement.prototype;
  Object.getOwnPropertyDescriptor(prototype, "value")?.set?.call(field, value);
  field.dispatchEvent(new Event("input", { bubbles: true }));
  await vi.waitFor(() => expect(buttonOf(button).disabled).toBe(false));
  press(button);
}

function buttonOf(name: string): HTMLButtonElement {
  const button = [...document.querySelectorAll("button")].find((one) => one.textContent === name);
  if (!button) throw new Error(`no button ${name}`);
  return button;
}

function press(name: string): void {
  const button = buttonOf(name);
  if (button.type === "submit") button.form?.requestSubmit();
  else button.click();
}

afterEach(() => close());

it("asks for a reason, then for a signature until the password is right, and sends both", async () => {
  await show();
  const answer = request("DELETE", "/api/experiments/e");
  await enter("Why", " over ", "Change");
  await enter("Your password", "wrong", "Sign");
  await vi.waitFor(() => expect(document.body.textContent).toContain("Wrong password"));
  await enter("Your password", "right", "Sign");
  expect(await answer).toBe("done");
  expect(sent.at(-1)?.headers).toEqual({ "X-Pioreactor-Reason": "over", "X-Pioreactor-Signature": "s1" });
  const signed = sent.filter(({ path }) => path === "/auth/signatures").at(-1);
  expect(signed?.body).toMatchObject({ method: "DELETE", path: "/api/experiments/e", code: null });
});

it("makes no change when the person cancels", async () => {
  await show();
  const answer = request("DELETE", "/api/experiments/e").catch((error: unknown) => error);
  await fieldOf("Why");
  press("Cancel");
  expect(await answer).toBeInstanceOf(Refused);
  expect(sent.filter(({ method }) => method === "DELETE")).toHaveLength(1);
});
