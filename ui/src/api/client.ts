/** Speaking with the hub. Every refusal arrives as a `Refused` that carries the hub's own sentence. */
import { preferences } from "@/state/preferences.svelte";

export class Refused extends Error {
  constructor(
    readonly code: string,
    readonly status: number,
    readonly sentence: string,
    readonly next: string,
    readonly details: Record<string, unknown> = {},
  ) {
    super(sentence);
  }
}

/** A sentence for the person, from the page itself. */
export class Said extends Error {}

/** No answer came at all: the hub is off, or the network is. */
export class Unreachable extends Error {}

const WITHIN = 130_000;

let onSignInNeeded: () => void = () => undefined;
export function whenSignInNeeded(act: () => void): void {
  onSignInNeeded = act;
}

const early = new Map<string, Promise<Response>>();

/** Ask for what will be wanted in a moment: the page's words and code come meanwhile. */
export function askEarly(path: string): void {
  const asked = fetchIt("GET", path);
  asked.catch(() => undefined); // told to whoever wants it then
  early.set(path, asked);
}

async function send(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
  const asked = method === "GET" ? early.get(path) : undefined;
  early.delete(path);
  let response: Response;
  try {
    response = await (asked ?? fetchIt(method, path, body, signal));
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Unreachable(String(error));
  }
  if (!response.ok) throw await refusalOf(response, path);
  return response;
}

function fetchIt(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
  const headers: Record<string, string> = { "Accept-Language": preferences.language, Accept: "application/json" };
  if (body !== undefined) {
    headers["Content-Type"] = "application/json";
    headers["Idempotency-Key"] = commandId();
  }
  const limit = AbortSignal.timeout(WITHIN);
  return fetch(path, {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: signal === undefined ? limit : AbortSignal.any([signal, limit]),
    credentials: "same-origin",
    cache: "no-store",
  });
}

async function ask<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  return (await (await send(method, path, body, signal)).json()) as T;
}

async function refusalOf(response: Response, path: string): Promise<Error> {
  let told: { code?: string; sentence?: string; next?: string; details?: Record<string, unknown> } = {};
  try {
    told = ((await response.json()) as { refused?: typeof told }).refused ?? {};
  } catch {
    return new Unreachable(`${response.status}`);
  }
  if (response.status === 401 && !path.startsWith("/api/session/")) onSignInNeeded();
  return new Refused(told.code ?? "", response.status, told.sentence ?? "", told.next ?? "", told.details ?? {});
}

/** The same request sent twice by a broken connection is done once. */
function commandId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (each) => each.toString(16).padStart(2, "0")).join("");
}

export const api = {
  get: <T>(path: string, signal?: AbortSignal): Promise<T> => ask<T>("GET", path, undefined, signal),
  /** As `get`; `keptAt` is when this device kept the answer, in milliseconds, or 0 when it comes from the hub. */
  getKept: async <T>(path: string, header: string): Promise<{ view: T; keptAt: number }> => {
    const response = await send("GET", path);
    return { view: (await response.json()) as T, keptAt: Number(response.headers.get(header) ?? 0) };
  },
  post: <T>(path: string, body: unknown = {}): Promise<T> => ask<T>("POST", path, body),
  delete: <T>(path: string): Promise<T> => ask<T>("DELETE", path),
  /** A command of the home's arrangement, as `AddThing`. */
  arrange: <T>(command: string, fields: Record<string, unknown> = {}): Promise<T> =>
    ask<T>("POST", "/api/arrange", { command, ...fields }),
};

/** `query({a: 1, b: ""})` is "?a=1": what is empty is left out. */
export function query(parameters: Record<string, string | number | boolean | undefined>): string {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== "");
  return given.length === 0 ? "" : `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}`;
}
