/** What a person does to a thing: shown at once, sent, and taken back with the hub's own sentence when it is refused. */
import { api } from "@/api/client";
import type { Value } from "@/api/live";
import { home, type Thing } from "@/state/home.svelte";
import { toasts } from "@/state/toasts.svelte";

export type Writes = Record<string, Value>;

/** Whether it can be operated right now by whoever looks at it. */
export function operable(thing: Thing): boolean {
  return thing.reachable && home.connection !== "lost" && home.may(thing.id);
}

const path = (thing: Thing, verb: string): string => `/api/things/${encodeURIComponent(thing.id)}/${verb}`;

/** Whether the hub did it; what it refused has been said. */
export async function write(thing: Thing, writes: Writes): Promise<boolean> {
  const before = Object.keys(writes).map((address) => [address, thing.values[address] ?? null] as const);
  Object.assign(thing.values, writes);
  try {
    await api.post(path(thing, "write"), { writes });
    return true;
  } catch (error) {
    // Only what still shows our wish: meanwhile the thing may have told better.
    for (const [address, value] of before) if (thing.values[address] === writes[address]) thing.values[address] = value;
    toasts.refuse(error);
    return false;
  }
}

export function writeFeature(thing: Thing, feature: string, value: Value): Promise<boolean> {
  const address = thing.feature(feature)?.address;
  return address === undefined ? Promise.resolve(false) : write(thing, { [address]: value });
}

export function toggle(thing: Thing): Promise<boolean> {
  return writeFeature(thing, "on", !thing.on);
}

/** What the action gave back, or null when it was refused. */
export async function act(thing: Thing, action: string, given: Writes = {}): Promise<Value[] | null> {
  try {
    return (await api.post<{ values: Value[] }>(path(thing, "act"), { action, arguments: given })).values;
  } catch (error) {
    toasts.refuse(error);
    return null;
  }
}

const SEND_EVERY = 120; // milliseconds

/**
 * A slider between a finger and a thing. While it is held the finger leads; at most one request is under way and one
 * begins every `every` milliseconds; the last value is always sent. Left alone, it shows what the thing tells.
 */
export class Slide {
  /** What the finger says; null while the thing's own value is shown. */
  value = $state<number | null>(null);
  #held = false;
  #wanted: number | null = null;
  #sent: number | null = null;
  #sending = false;
  #sentAt = -Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly send: (value: number) => Promise<boolean>,
    readonly every: number = SEND_EVERY,
  ) {}

  move(value: number): void {
    this.#held = true;
    this.#want(value);
  }

  /** The finger is lifted, or a key was pressed. */
  settle(value: number): void {
    this.#held = false;
    this.#want(value);
  }

  #want(value: number): void {
    this.value = value;
    this.#wanted = value;
    this.#pump();
  }

  #pump(): void {
    if (this.#sending || this.#timer !== undefined || this.#wanted === null) return;
    const wait = this.#sentAt + this.every - performance.now();
    if (wait <= 0) return void this.#sendOne(this.#wanted);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#pump();
    }, wait);
  }

  async #sendOne(value: number): Promise<void> {
    this.#wanted = null;
    let done = true;
    if (value !== this.#sent) {
      this.#sending = true;
      this.#sentAt = performance.now();
      done = await this.send(value);
      this.#sending = false;
    }
    this.#sent = done ? value : null;
    if (!done) this.#wanted = null;
    if (this.#wanted !== null) this.#pump();
    else if (!this.#held || !done) {
      this.#sent = null;
      this.value = null;
    }
  }
}
