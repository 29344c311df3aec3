/** The one way this page speaks HTTP to its leader, and the one shape its refusals take. */

import type { TaskAccepted, TaskResult, UnitAnswer } from "./types";

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

export interface Answer {
  status: number;
  body: unknown;
}

export type Transport = (method: Method, path: string, body?: unknown, signal?: AbortSignal) => Promise<Answer>;

/** The leader, or a unit, said no; `message` is its sentence and `remedy` what to try. */
export class Refused extends Error {
  constructor(
    message: string,
    readonly status: number,
    readonly remedy?: string,
  ) {
    super(message);
  }
}

async function overHttp(method: Method, path: string, body?: unknown, signal?: AbortSignal): Promise<Answer> {
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      signal: signal ?? null,
      credentials: "same-origin",
      headers: body === undefined || body instanceof Blob ? {} : { "Content-Type": "application/json" },
      body: body === undefined ? null : body instanceof Blob ? body : JSON.stringify(body),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Refused("The leader does not answer.", 0, "Check that the leader is on and on the same network.");
  }
  const text = await response.text();
  const json = response.headers.get("Content-Type")?.includes("json") ?? false;
  return { status: response.status, body: json && text !== "" ? (JSON.parse(text) as unknown) : text };
}

let transport: Transport = overHttp;
let whenSignedOut: () => void = () => undefined;

/** Answer requests by other means: the demonstration has no leader. */
export function answerWith(other: Transport): void {
  transport = other;
}

/** Call `then` whenever the leader answers that no person is signed in. */
export function onSignedOut(then: () => void): void {
  whenSignedOut = then;
}

function refusal(answer: Answer): Refused {
  const body = (typeof answer.body === "object" && answer.body !== null ? answer.body : {}) as Record<string, unknown>;
  const text = (key: string): string | undefined => (typeof body[key] === "string" ? (body[key] as string) : undefined);
  const message = text("error") ?? text("detail") ?? `The leader answered with status ${answer.status}.`;
  const cause = text("cause");
  return new Refused(cause && cause !== message ? `${message}: ${cause}` : message, answer.status, text("remediation"));
}

/** Return the answer's body; throws `Refused` for anything from 400 on. */
export async function request<T>(method: Method, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const answer = await transport(method, path, body, signal);
  if (answer.status === 401 && !path.startsWith("/auth/")) whenSignedOut();
  if (answer.status >= 400) throw refusal(answer);
  return answer.body as T;
}

export const get = <T>(path: string, signal?: AbortSignal): Promise<T> => request<T>("GET", path, undefined, signal);

/** Join path segments, each escaped: experiment names may hold spaces and dots. */
export function path(...segments: string[]): string {
  return `/${segments.map((segment) => (segment.includes("/") ? segment : encodeURIComponent(segment))).join("/")}`;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export interface Patience {
  everyMs: number;
  attempts: number;
}

/** Wait for a task of the leader; returns its result, throws `Refused` when it failed or never ended. */
export async function finished(
  task: TaskAccepted,
  patience: Patience = { everyMs: 400, attempts: 100 },
): Promise<unknown> {
  for (let attempt = 0; attempt < patience.attempts; attempt++) {
    const state = await get<TaskResult>(task.result_url_path);
    if (state.status === "succeeded") return state.result;
    if (state.status === "failed") {
      const because = state.cause && state.cause !== state.error ? `${state.error}: ${state.cause}` : state.error;
      throw new Refused(because, 200, state.remediation);
    }
    await pause(patience.everyMs);
  }
  throw new Refused("The task did not end in time.", 0, "Look at the event log of the unit for what it is doing.");
}

/** Return the units that said no, out of a fanned-out result. */
export function refusals(result: unknown): UnitAnswer[] {
  if (typeof result !== "object" || result === null) return [];
  return Object.values(result as Record<string, unknown>).filter(
    (one): one is UnitAnswer => typeof one === "object" && one !== null && (one as UnitAnswer).ok === false,
  );
}

/** Issue a request that starts a task, wait for it, and throw when any unit refused. */
export async function ask(method: Method, where: string, body?: unknown, patience?: Patience): Promise<unknown> {
  const accepted = await request<Partial<TaskAccepted>>(method, where, body);
  if (!accepted.result_url_path) return accepted;
  const result = await finished(accepted as TaskAccepted, patience);
  const said = refusals(result);
  if (said.length > 0) {
    const first = said[0]?.error;
    throw new Refused(
      said.map((one) => `${one.unit}: ${one.error?.message ?? "no reason given"}`).join("; "),
      200,
      first?.remediation,
    );
  }
  return result;
}

/** Mark an answer as one that messages of an MQTT filter complete: the page asks again when it missed some. */
export const completedBy = (stream: string): { meta: { stream: string } } => ({ meta: { stream } });
