/** What can be watched and done in this home: every thing with its spec (read when first asked for), people, helpers. */
import { SvelteMap } from "svelte/reactivity";
import { api } from "@/api/client";
import type { PropertyView, SpecView, ThingFull } from "@/api/types";
import { home, type Thing } from "@/state/home.svelte";
import { preferences, t } from "@/state/preferences.svelte";
import { toasts } from "@/state/toasts.svelte";
import { valueInWords } from "@/tiles/words";
import type { Key } from "@/words/keys";
import type { Plain } from "./document";

/** One thing to read or to set. `choices` are listed values; a bool has two. */
export interface Watched {
  address: string;
  name: string;
  kind: "choice" | "number" | "text";
  choices: { value: boolean | number | string; name: string }[];
  unit: string;
  range: readonly [number, number, number] | null;
  readable: boolean;
  writable: boolean;
  /** The same for every model, as `motion`; "" for none. */
  feature: string;
}
export interface Group {
  name: string;
  items: { value: string; name: string }[];
}
export const PEOPLE = "member";
export const HELPERS = "helper";
/** Said of these better than open and shut, on and off. */
const TOLD = new Set(["motion", "contact", "door", "locked", "submersion", "smoke"]);

class Things {
  #specs = new SvelteMap<string, SpecView | null>();
  #asked = new Set<string>();
  services = $state.raw<Readonly<Record<string, readonly string[]>>>({});
  #servicesAsked = false;

  /** undefined while it is being read, null when nobody knows the model. */
  spec(thing: string): SpecView | null | undefined {
    const model = home.thing(thing)?.summary.model ?? "";
    if (model === "" || this.#specs.has(model)) return this.#specs.get(model) ?? null;
    if (!this.#asked.has(model)) {
      this.#asked.add(model);
      api.get<ThingFull>(`/api/things/${encodeURIComponent(thing)}`).then(
        (full) => this.#specs.set(model, full.spec),
        (error: unknown) => {
          this.#asked.delete(model);
          toasts.refuse(error);
        },
      );
    }
    return undefined;
  }

  /** Services that each model offers; read once. */
  readServices(): void {
    if (this.#servicesAsked) return;
    this.#servicesAsked = true;
    api.get<{ models: Record<string, string[]> }>("/api/linkages/services").then(
      (found) => (this.services = found.models),
      (error: unknown) => {
        this.#servicesAsked = false;
        toasts.refuse(error);
      },
    );
  }

  /** Things by room, in the order of the home. `of` says which. */
  byRoom(of: (thing: Thing) => boolean = () => true): Group[] {
    const rooms = [...(home.view?.rooms ?? []).map(({ id, name }) => ({ id, name })), { id: "", name: t("ui_linkages.no_room") }];
    const all = [...home.things.values()].filter(of);
    return rooms
      .map(({ id, name }) => ({
        name,
        items: all.filter((each) => each.summary.room === id).map((each) => ({ value: each.id, name: each.name })),
      }))
      .filter((group) => group.items.length > 0);
  }

  /** What an owner has to watch: a thing's properties, a member's presence, a helper's state. */
  watched(owner: string): Watched[] | undefined {
    if (owner.startsWith(`${PEOPLE}/`)) return [presence(owner)];
    if (owner.startsWith(`${HELPERS}/`)) return helper(owner);
    const spec = this.spec(owner);
    if (spec === undefined) return undefined;
    const language = preferences.language;
    return (spec?.services ?? []).flatMap((service) =>
      service.properties.map((property) => {
        const several = (spec?.services ?? []).filter((each) => each.names[language] === service.names[language]).length > 1;
        const place = `${service.names[language] ?? service.address}${several ? ` ${service.address.split("#")[1] ?? "1"}` : ""}`;
        return watchedOf(owner, property, place);
      }),
    );
  }

  find(address: string): Watched | undefined {
    return this.watched(ownerOf(address))?.find((each) => each.address === address);
  }

  actions(thing: string): { address: string; name: string; inputs: Watched[] }[] | undefined {
    const spec = this.spec(thing);
    if (spec === undefined) return undefined;
    return (spec?.services ?? []).flatMap((service) =>
      service.actions.map((action) => ({
        address: `${thing}/${action.address}`,
        name: named(action, service.names[preferences.language] ?? ""),
        inputs: action.inputs.map((address) => this.find(`${thing}/${address}`) ?? unknown(thing, address)),
      })),
    );
  }

  events(thing: string): { address: string; name: string }[] | undefined {
    const spec = this.spec(thing);
    if (spec === undefined) return undefined;
    return (spec?.services ?? []).flatMap((service) =>
      service.events.map((event) => ({
        address: `${thing}/${event.address}`,
        name: named(event, service.names[preferences.language] ?? ""),
      })),
    );
  }
}

export const things = new Things();

/** `living_light/light.on` -> `living_light`; `member/wei.home` -> `member/wei`. */
export function ownerOf(address: string): string {
  const [first = "", rest = ""] = address.split("/", 2);
  return first === PEOPLE || first === HELPERS ? `${first}/${rest.split(".")[0] ?? ""}` : first;
}
export function nameOf(owner: string): string {
  const [kind, id = ""] = owner.split("/", 2);
  if (kind === PEOPLE) return home.member(id)?.name ?? id;
  if (kind === HELPERS) return home.view?.helpers.find((each) => each.id === id)?.name ?? id;
  return home.thing(owner)?.name ?? owner;
}

function named(each: { names: Record<string, string>; address: string }, service: string): string {
  const own = each.names[preferences.language] ?? each.address;
  return service !== "" && !own.includes(service) ? `${own} (${service})` : own;
}

function watchedOf(thing: string, property: PropertyView, service: string): Watched {
  const own = property.names[preferences.language] ?? property.address;
  const choices = property.choices.map(({ value, names }) => ({
    value,
    name:
      typeof value === "boolean" && TOLD.has(property.feature)
        ? t(`ui_linkages.value.${property.feature}.${value}` as Key)
        : valueInWords({ choices: [{ value, name: names[preferences.language] ?? String(value), rest: false }], unit: "" }, value),
  }));
  return {
    address: `${thing}/${property.address}`,
    name: own === service ? own : `${own} · ${service}`,
    kind: choices.length > 0 ? "choice" : property.format === "string" ? "text" : "number",
    choices,
    unit: property.unit,
    range: property.range as readonly [number, number, number] | null,
    readable: property.readable || property.notifies,
    writable: property.writable,
    feature: property.feature,
  };
}

const NOTHING = { unit: "", range: null, readable: true, writable: false, feature: "" } as const;
function presence(owner: string): Watched {
  return {
    ...NOTHING,
    address: `${owner}.home`,
    name: t("ui_linkages.presence"),
    kind: "choice",
    choices: [
      { value: "home", name: t("ui_linkages.at_home") },
      { value: "not_home", name: t("ui_linkages.away") },
    ],
  };
}
function helper(owner: string): Watched[] {
  const type = home.view?.helpers.find((each) => `${HELPERS}/${each.id}` === owner)?.type;
  const on = (value: "on" | "off"): { value: string; name: string } => ({ value, name: t(`ui_home.state.${value}`) });
  if (type === "counter")
    return [{ ...NOTHING, address: `${owner}.count`, name: t("ui_linkages.count"), kind: "number", choices: [] }];
  if (type === "timer")
    return [{ ...NOTHING, address: `${owner}.running`, name: t("ui_linkages.running"), kind: "choice", choices: [on("on"), on("off")] }];
  return [{ ...NOTHING, address: `${owner}.on`, name: t("ui_linkages.state"), kind: "choice", choices: [on("on"), on("off")] }];
}
function unknown(thing: string, address: string): Watched {
  return { ...NOTHING, address: `${thing}/${address}`, name: address, kind: "text", choices: [] };
}

/** The listed value that is meant by what is written, however it is written. */
export function choiceOf(watched: Watched, written: Plain): boolean | number | string | undefined {
  const word = String(written).trim().toLowerCase();
  const exact = watched.choices.find((each) => each.value === written || String(each.value).toLowerCase() === word);
  if (exact !== undefined) return exact.value;
  if (watched.choices.some((each) => typeof each.value === "boolean")) {
    if (["on", "true", "yes"].includes(word)) return true;
    if (["off", "false", "no"].includes(word)) return false;
  }
  if (watched.choices.some((each) => each.value === "not_home" || each.value === "off"))
    for (const [wanted, ...words] of [["home", "on", "true"], ["not_home", "off", "false", "away"], ["on", "true"], ["off", "false"]])
      if (words.includes(word) && watched.choices.some((each) => each.value === wanted)) return wanted;
  return watched.choices.find((each) => each.name.toLowerCase() === word)?.value;
}
