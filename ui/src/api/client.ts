/** The one way this page speaks HTTP to its leader, and the one shape its refusals take. */

import type { TaskAccepted, TaskResult, UnitAnswer } from "./types";

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

export interface Answer {
  status: number;
  body: unknown;
}

export type Headers = Readonly<Record<string, string>>;
export type Transport = (
  method: Method,
  path: string,
  body?: unknown,
  signal?: AbortSignal,
  headers?: Headers,
) => Promise<Answer>;

/** The leader, or a unit, said no; `message` is its sentence and `remedy` what to try. */
export class Refused extends Error {
  constructor(
    message: string,
    readonly status: number,
    readonly remedy?: string,
    /** What programs tell refusals apart by. */
    readonly code?: string,
  ) {
    super(message);
  }
}

/** A change is not made later than this [s] after it was asked for: the page has then said that there is no answer. */
const WITHIN_S = 10;
const DEADLINE = "X-Pioreactor-Deadline";
const TIME = "X-Pioreactor-Time";
/** By how much the leader's clock is ahead of the browser's [s], as far as it has said so. */
let leaderAheadS = 0;

async function overHttp(
  method: Method,
  path: string,
  body?: unknown,
  signal?: AbortSignal,
  headers?: Headers,
): Promise<Answer> {
  const isJson = body !== undefined && !(body instanceof Blob);
  const send = (): Promise<Response> =>
    fetch(path, {
      method,
      signal: signal ?? null,
      credentials: "same-origin",
      headers: {
        ...headers,
        ...(isJson ? { "Content-Type": "application/json" } : {}),
        ...(method === "GET" ? {} : { [DEADLINE]: (Date.now() / 1000 + leaderAheadS + WITHIN_S).toFixed(3) }),
      },
      body: body === undefined ? null : isJson ? JSON.stringify(body) : body,
    });
  let response: Response;
  try {
    const beganMs = Date.now();
    response = await send();
    const leaderS = Number(response.headers.get(TIME) ?? Number.NaN);
    const nowMs = Date.now();
    // Refused as late while the page still waits: the clocks differ.
    if (Number.isFinite(leaderS) && nowMs - beganMs < 1000 * WITHIN_S) {
      leaderAheadS = leaderS - nowMs / 1000;
      response = await send();
    }
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Refused("The leader does not answer.", 0, "Check that the leader is on and on the same network.");
  }
  const text = await response.text();
  const json = response.headers.get("Content-Type")?.includes("json") ?? false;
  return { status: response.status, body: json && text !== "" ? (JSON.parse(text) as unknown) : text };
}

let transport: Transport = overHttp;
/** Answers that were asked for before anything shows them, each for the first who asks. */
const ahead = new Map<string, Promise<Answer>>();
/** An answer that was not taken for so long [ms] is not new any more. */
const AHEAD_MS = 8000;
let whenSignedOut: () => void = () => undefined;

/** What the leader asks for before it makes a change: a reason, or a signature. */
export interface Question {
  code: "reason_required" | "signature_required";
  method: Method;
  path: string;
  message: string;
}

/** Returns the headers that answer a question; undefined when the person cancels. */
type Answerer = (question: Question) => Promise<Headers | undefined>;
let answerer: Answerer = async () => undefined;
const ASKED = 428;

/** Answer requests by other means: the demonstration has no leader. */
export function answerWith(other: Transport): void {
  transport = other;
  ahead.clear();
}

/** Call `then` whenever the leader answers that no person is signed in. */
export function onSignedOut(then: () => void): void {
  whenSignedOut = then;
}

/** Have a person answer what the leader asks for before changes. */
export function onQuestion(answer: Answerer): void {
  answerer = answer;
}

function refusal(answer: Answer): Refused {
  const body = (typeof answer.body === "object" && answer.body !== null ? answer.body : {}) as Record<string, unknown>;
  const text = (key: string): string | undefined => (typeof body[key] === "string" ? (body[key] as string) : undefined);
  const message = text("error") ?? text("detail") ?? `The leader answered with status ${answer.status}.`;
  const cause = text("cause");
  const said = cause && cause !== message ? `${message}: ${cause}` : message;
  return new Refused(said, answer.status, text("remediation"), text("code"));
}

/** Return an answer that was asked for ahead; a refusal is not kept: a person may have signed in since. */
async function takeAhead(path: string): Promise<Answer | undefined> {
  const asked = ahead.get(path);
  ahead.delete(path);
  const answer = await asked?.catch(() => undefined);
  return answer && answer.status < 400 ? answer : undefined;
}

/** Ask again with what a person says, while the leader asks for a reason or a signature; nothing was changed before. */
async function answered(first: Answer, method: Method, path: string, body?: unknown): Promise<Answer> {
  let answer = first;
  let headers: Headers = {};
  while (answer.status === ASKED) {
    const { code, message } = refusal(answer);
    if (code !== "reason_required" && code !== "signature_required") return answer;
    const given = await answerer({ code, method, path, message });
    if (given === undefined) return answer;
    headers = { ...headers, ...given };
    answer = await transport(method, path, body, undefined, headers);
  }
  return answer;
}

/** Return the answer's body; throws `Refused` for anything from 400 on. */
export async function request<T>(method: Method, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const first = (method === "GET" ? await takeAhead(path) : undefined) ?? (await transport(method, path, body, signal));
  const answer = first.status === ASKED ? await answered(first, method, path, body) : first;
  if (answer.status === 401 && !path.startsWith("/auth/")) whenSignedOut();
  if (answer.status >= 400) throw refusal(answer);
  return answer.body as T;
}

export const get = <T>(path: string, signal?: AbortSignal): Promise<T> => request<T>("GET", path, undefined, signal);

function keepAhead(path: string, asked: Promise<Answer>): void {
  ahead.set(path, asked);
  asked.catch(() => undefined);
  setTimeout(() => ahead.get(path) === asked && ahead.delete(path), AHEAD_MS);
}

/** Let `get` take the body of an answer from another one that is on its way; where that fails, `get` asks itself. */
export const keepPart = (path: string, body: Promise<unknown>): void =>
  keepAhead(
    path,
    body.then((found) => ({ status: 200, body: found })),
  );

/** Ask for what `get` is going to be asked for; its failure is met there as well. */
export async function getAhead<T>(path: string): Promise<T> {
  const asked = transport("GET", path);
  keepAhead(path, asked);
  const answer = await asked;
  if (answer.status >= 400) throw refusal(answer);
  return answer.body as T;
}

/** Join path segments, each escaped: experiment names may hold spaces and dots. */
export function path(...segments: string[]): string {
  return `/${segments.map((segment) => (segment.includes("/") ? segment : encodeURIComponent(segment))).join("/")}`;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export interface Patience {
  everyMs: number;
  attempts: number;
  /** Is told what the task does, where it says so. */
  onStep?: (step: string) => void;
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
    if (state.step) patience.onStep?.(state.step);
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
