/** The home as the page knows it: read once, kept up by live updates. */
import { SvelteMap } from "svelte/reactivity";
import { api, Unreachable } from "@/api/client";
import { live, type LiveEvent, type Value } from "@/api/live";
import type { FeatureView, HomeView, MemberView, ModelView, ThingSummary } from "@/api/types";
import { session } from "@/state/session.svelte";

const KEPT_AT = "x-setaria-kept"; // set by the service worker on what it kept, in milliseconds
const AGAIN_AFTER = 3_000;

/** One thing, alive. */
export class Thing {
  summary = $state.raw() as ThingSummary;
  reachable = $state(true);
  reason = $state("");
  values = $state<Record<string, Value | null>>({});

  constructor(
    summary: ThingSummary,
    readonly model: ModelView | undefined,
  ) {
    this.take(summary);
  }

  take(summary: ThingSummary): void {
    this.summary = summary;
    this.reachable = summary.reachable;
    this.reason = summary.reason;
    Object.assign(this.values, summary.values);
  }

  get id(): string {
    return this.summary.id;
  }
  get name(): string {
    return this.summary.name;
  }
  get tile(): string {
    return this.summary.tile;
  }

  feature(name: string): FeatureView | undefined {
    return this.model?.features[name];
  }

  /** The value of a feature as `brightness`, or null when it is unknown or the thing has none. */
  value(feature: string): Value | null {
    const address = this.feature(feature)?.address;
    return address === undefined ? null : (this.values[address] ?? null);
  }

  get on(): boolean {
    return this.value("on") === true;
  }
}

export type Connection = "connecting" | "live" | "lost";

class Home {
  view = $state.raw<HomeView | null>(null);
  things = new SvelteMap<string, Thing>();
  presence = new SvelteMap<string, boolean>();
  helpers = new SvelteMap<string, Value>();
  connection = $state<Connection>("connecting");
  /** When what is shown was kept, in milliseconds, if it came from this device and not from the hub. */
  keptAt = $state(0);
  #unlisten: (() => void) | null = null;
  #again: ReturnType<typeof setTimeout> | undefined;
  #reading: Promise<void> | null = null;
  #stale = false;
  /** Heard while the picture was on its way: it may be older than these. */
  #meanwhile: LiveEvent[] = [];

  constructor() {
    session.whenEnded(() => this.close());
  }

  thing(id: string): Thing | undefined {
    return this.things.get(id);
  }

  member(id: string): MemberView | undefined {
    return this.view?.members.find((each) => each.id === id);
  }

  may(thing: string): boolean {
    return this.view?.may.control.includes(thing) ?? false;
  }

  /** Raises Unreachable when there is neither a hub nor anything kept. */
  async open(): Promise<void> {
    this.#unlisten ??= live.listen((event) => this.#hear(event));
    live.join();
    await this.read();
    live.start(this.keptAt === 0 ? (this.view?.at ?? 0) : 0);
  }

  close(): void {
    live.stop();
    this.#unlisten?.();
    this.#unlisten = null;
    clearTimeout(this.#again);
    this.view = null;
    this.things.clear();
    this.presence.clear();
    this.helpers.clear();
    this.connection = "connecting";
    if ("caches" in globalThis) void caches.delete("setaria-kept");
  }

  /** Read anew; several callers share one reading, and whoever comes late gets one more. */
  async read(): Promise<void> {
    if (this.#reading !== null) {
      this.#stale = true;
      return this.#reading;
    }
    this.#reading = this.#read().finally(() => (this.#reading = null));
    await this.#reading;
    if (this.#stale) {
      this.#stale = false;
      await this.read();
    }
  }

  async #read(): Promise<void> {
    const { view, keptAt } = await api.getKept<HomeView>("/api/home", KEPT_AT);
    this.keptAt = keptAt;
    if (keptAt !== 0) this.#lost();
    const gone = new Set(this.things.keys());
    for (const summary of view.things) {
      gone.delete(summary.id);
      const known = this.things.get(summary.id);
      const model = view.models[summary.model];
      if (known !== undefined && JSON.stringify(known.model) === JSON.stringify(model)) known.take(summary);
      else this.things.set(summary.id, new Thing(summary, model));
    }
    for (const id of gone) this.things.delete(id);
    for (const member of view.members) if (member.home !== null) this.presence.set(member.id, member.home);
    for (const helper of view.helpers) if (helper.value !== null) this.helpers.set(helper.id, helper.value);
    this.view = view;
    for (const event of this.#meanwhile.splice(0)) this.#apply(event);
  }

  #hear(event: LiveEvent): void {
    if (this.#reading !== null && (event.name === "state" || event.name === "reach")) this.#meanwhile.push(event);
    this.#apply(event);
    if (event.name === "open") this.#found();
    else if (event.name === "lost") this.#lost();
    else if (event.name === "arranged" || event.name === "gap") void this.read().catch(() => this.#lost());
  }

  #apply(event: LiveEvent): void {
    if (event.name === "state") this.#changed(event.data.address, event.data.value);
    else if (event.name === "reach") {
      const thing = this.things.get(event.data.thing);
      if (thing !== undefined) {
        thing.reachable = event.data.reachable;
        thing.reason = event.data.reason;
      }
    }
  }

  #changed(address: string, value: Value | null): void {
    const slash = address.indexOf("/");
    const owner = address.slice(0, slash);
    const rest = address.slice(slash + 1);
    if (owner === "member") {
      if (rest.endsWith(".home") && typeof value === "boolean") this.presence.set(rest.slice(0, -5), value);
    } else if (owner === "helper") {
      if (value !== null) this.helpers.set(rest.split(".")[0] ?? rest, value);
    } else {
      const thing = this.things.get(owner);
      if (thing !== undefined) thing.values[rest] = value;
    }
  }

  #found(): void {
    clearTimeout(this.#again);
    const before = this.connection;
    this.connection = "live";
    // What happened while nobody listened is no event: the picture is read anew.
    if (before === "lost" || this.keptAt !== 0) void this.read().catch(() => this.#lost());
  }

  #lost(): void {
    this.connection = "lost";
    clearTimeout(this.#again);
    this.#again = setTimeout(() => void this.#try(), AGAIN_AFTER);
  }

  async #try(): Promise<void> {
    try {
      await session.read();
      if (session.state === "signed_in") await this.read();
      if (this.keptAt === 0) this.connection = "live";
    } catch (error) {
      if (error instanceof Unreachable) this.#lost();
    }
  }
}

export const home = new Home();
