/**
 * Live updates. One tab holds the connection (whoever has the Web Lock) and hands every event on to the others over a
 * BroadcastChannel; when it goes, the next one takes over. Without Web Locks each tab has a connection of its own.
 */
import { query } from "@/api/client";

export type Value = string | number | boolean;
export interface StateEvent {
  address: string;
  value: Value | null;
  changed: number;
}
export interface ReachEvent {
  thing: string;
  reachable: boolean;
  reason: string;
}
export type LiveEvent =
  | { name: "state"; data: StateEvent }
  | { name: "reach"; data: ReachEvent }
  | { name: "told"; data: { kinds: string[]; subjects: string[] } }
  | { name: "found"; data: unknown }
  | { name: "arranged"; data: unknown }
  | { name: "gap"; data: unknown }
  | { name: "open"; data: null }
  | { name: "lost"; data: null };

/** `told` says that something was written down which people are told of; facts themselves are read when they are shown. */
const NAMES = ["state", "reach", "told", "found", "arranged", "gap"] as const;
const KINDS = "state,reach,told,found,arranged";
const LOCK = "setaria-live";
const ASKED_EVERY = 10_000;
const ANSWERED_WITHIN = 4_000;
const AGAIN_AFTER = 2_000;

type Listener = (event: LiveEvent) => void;
type Wire = { kind: "event"; event: LiveEvent } | { kind: "asked" } | { kind: "here"; open: boolean };

export class Live {
  #listeners = new Set<Listener>();
  #source: EventSource | null = null;
  #channel: BroadcastChannel | null = null;
  #leading = false;
  #open = false;
  #heard = 0;
  #asking: ReturnType<typeof setInterval> | undefined;
  #again: ReturnType<typeof setTimeout> | undefined;
  #stopped = true;
  #release: (() => void) | null = null;
  #since = 0;

  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Hear what another tab hears. */
  join(): void {
    if (this.#channel !== null || !("locks" in navigator) || typeof BroadcastChannel === "undefined") return;
    this.#channel = new BroadcastChannel(LOCK);
    this.#channel.onmessage = ({ data }: MessageEvent<Wire>) => this.#hear(data);
  }

  /** `since` is when the page's first picture was taken, in microseconds; events go on from there. */
  start(since: number): void {
    if (!this.#stopped) return;
    this.#stopped = false;
    this.#since = since;
    this.join();
    if (this.#channel === null) {
      this.#connect();
      return;
    }
    this.#lead(false);
    this.#heard = Date.now();
    this.#channel.postMessage({ kind: "asked" } satisfies Wire);
    this.#asking = setInterval(() => this.#ask(), ASKED_EVERY);
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#asking);
    clearTimeout(this.#again);
    this.#source?.close();
    this.#source = null;
    this.#channel?.close();
    this.#channel = null;
    this.#release?.();
    this.#release = null;
    this.#leading = this.#open = false;
  }

  #lead(steal: boolean): void {
    const held = (): Promise<void> => {
      if (this.#stopped) return Promise.resolve();
      this.#leading = true;
      this.#connect();
      return new Promise((release) => (this.#release = release));
    };
    navigator.locks
      .request(LOCK, steal ? { steal: true } : {}, held)
      .catch(() => undefined) // somebody took it from us
      .then(() => {
        if (!this.#leading || this.#stopped) return;
        this.#leading = false;
        this.#source?.close();
        this.#source = null;
        this.#lead(false);
      });
  }

  #ask(): void {
    if (this.#leading || this.#channel === null) return;
    this.#channel.postMessage({ kind: "asked" } satisfies Wire);
    setTimeout(() => {
      if (!this.#leading && !this.#stopped && Date.now() - this.#heard > ASKED_EVERY + ANSWERED_WITHIN) this.#lead(true);
    }, ANSWERED_WITHIN);
  }

  #hear(wire: Wire): void {
    this.#heard = Date.now();
    if (wire.kind === "event") this.#tell(wire.event);
    if (wire.kind === "asked" && this.#leading)
      this.#channel?.postMessage({ kind: "here", open: this.#open } satisfies Wire);
    else if (wire.kind === "here" && wire.open !== this.#open) {
      this.#open = wire.open;
      this.#tell({ name: wire.open ? "open" : "lost", data: null });
    }
  }

  #connect(): void {
    clearTimeout(this.#again);
    this.#source?.close();
    const source = new EventSource(`/api/live${query({ kinds: KINDS, since: this.#since || undefined })}`);
    this.#source = source;
    this.#since = 0; // from now on a broken line means that the page is read anew
    source.onopen = () => this.#share({ name: "open", data: null });
    source.onerror = () => {
      if (this.#source !== source) return;
      this.#share({ name: "lost", data: null });
      if (source.readyState === EventSource.CLOSED && !this.#stopped)
        this.#again = setTimeout(() => this.#connect(), AGAIN_AFTER);
    };
    for (const name of NAMES)
      source.addEventListener(name, (message: MessageEvent<string>) => {
        this.#share({ name, data: JSON.parse(message.data) } as LiveEvent);
      });
  }

  #share(event: LiveEvent): void {
    if (event.name === "open" || event.name === "lost") this.#open = event.name === "open";
    this.#tell(event);
    this.#channel?.postMessage({ kind: "event", event } satisfies Wire);
  }

  #tell(event: LiveEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}

export const live = new Live();
