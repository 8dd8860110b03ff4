/** What a thing can be told under names that are the same for every model, and the values that go with it. */
import { home } from "@/state/home.svelte";
import { t } from "@/state/preferences.svelte";
import type { Key } from "@/words/keys";
import { things, type Watched } from "./things.svelte";

export interface ServiceField {
  key: string;
  name: Key;
  /** The first of these features that the thing has tells the range. */
  features: readonly string[];
  percent?: boolean;
  needed?: boolean;
}
const BRIGHT: ServiceField = { key: "brightness_pct", name: "ui_linkages.service_field.brightness", features: ["brightness"], percent: true };
const WARM: ServiceField = { key: "color_temp_kelvin", name: "ui_linkages.service_field.warmth", features: ["color_temperature"] };
const SPEED: ServiceField = { key: "percentage", name: "ui_linkages.service_field.speed", features: ["speed", "fan_level"], percent: true };

const FIELDS: Record<string, readonly ServiceField[]> = {
  "light.turn_on": [BRIGHT, WARM],
  "fan.turn_on": [SPEED],
  "fan.set_percentage": [{ ...SPEED, needed: true }],
  "cover.set_cover_position": [
    { key: "position", name: "ui_linkages.service_field.position", features: ["target_position"], percent: true, needed: true },
  ],
  "climate.set_temperature": [
    { key: "temperature", name: "ui_linkages.service_field.temperature", features: ["target_temperature"], needed: true },
  ],
  "water_heater.set_temperature": [
    { key: "temperature", name: "ui_linkages.service_field.temperature", features: ["target_temperature"], needed: true },
  ],
  "climate.set_humidity": [{ key: "humidity", name: "ui_linkages.service_field.humidity", features: ["target_humidity"], needed: true }],
  "humidifier.set_humidity": [{ key: "humidity", name: "ui_linkages.service_field.humidity", features: ["target_humidity"], needed: true }],
};
/** In the order they are offered. What needs a listed value is set by its property instead. */
const OFFERED = [
  "turn_on", "turn_off", "toggle", "open_cover", "close_cover", "stop_cover", "set_cover_position", "set_temperature",
  "set_humidity", "set_percentage", "lock", "unlock", "start", "pause", "stop", "return_to_base", "locate",
  "media_play", "media_pause", "media_stop", "media_next_track", "media_previous_track",
] as const;
const EVERY_LIGHT = ["light.turn_on", "light.turn_off", "light.toggle"];

export function fieldsOf(service: string): readonly ServiceField[] {
  return FIELDS[service] ?? [];
}
export function verbOf(service: string): string {
  return service.split(".")[1] ?? service;
}
export function serviceName(service: string): string {
  const verb = verbOf(service);
  const known = (OFFERED as readonly string[]).includes(verb);
  const [domain = ""] = service.split(".");
  const special = { "vacuum.stop": "stop", "vacuum.start": "start" }[service];
  if (special !== undefined) return t(`ui_linkages.service.${special}` as Key);
  return known ? t(`ui_linkages.service.${verb}` as Key) : `${domain} ${verb}`.replaceAll("_", " ");
}

/** With what it is said to, where others are done the same to: lights off, fans off. */
export function servicesToChoose(services: readonly string[]): { value: string; name: string }[] {
  return services.map((value) => {
    const [domain = "", verb] = value.split(".");
    const alone = services.filter((each) => verbOf(each) === verb).length === 1;
    const known = (DOMAINS as readonly string[]).includes(domain);
    if (alone) return { value, name: serviceName(value) };
    return { value, name: `${serviceName(value)} · ${known ? t(`ui_linkages.domain.${domain}` as Key) : domain.replaceAll("_", " ")}` };
  });
}
const DOMAINS = ["light", "switch", "fan", "climate", "cover", "humidifier", "water_heater", "camera", "media_player", "vacuum", "lock", "homeassistant"] as const;

/** Of rooms: what any thing in them offers; of things: what all of them do. */
export function offered(targets: readonly string[], rooms: readonly string[]): string[] {
  things.readServices();
  const of = (thing: string): readonly string[] => things.services[home.thing(thing.split("/")[0] ?? "")?.summary.model ?? ""] ?? [];
  const everywhere = targets.includes("all");
  const inRooms = rooms.flatMap((room) => [...home.things.values()].filter((each) => each.summary.room === room).flatMap((each) => of(each.id)));
  const named = targets.filter((each) => each !== "all").map(of);
  const all = everywhere ? EVERY_LIGHT : [...new Set([...inRooms, ...named.flat()])];
  return all
    .filter((service) => named.every((each) => each.includes(service)))
    .filter((service) => (OFFERED as readonly string[]).includes(verbOf(service)))
    // `homeassistant.turn_on` is for things that share no other name for it.
    .filter((service, _, kept) => !service.startsWith("homeassistant.") || !kept.some((each) => each !== service && verbOf(each) === verbOf(service)))
    .sort((one, other) => place(one) - place(other));
}
const place = (service: string): number => (OFFERED as readonly string[]).indexOf(verbOf(service));

/** What tells the range of a field: the property of the first thing that has it. */
export function watchedFor(field: ServiceField, targets: readonly string[], rooms: readonly string[]): Watched | undefined {
  const all = [...targets, ...[...home.things.values()].filter((each) => rooms.includes(each.summary.room)).map((each) => each.id)];
  for (const thing of all) {
    const id = thing.split("/")[0] ?? "";
    for (const feature of field.features) {
      const found = things.watched(id)?.find((each) => each.feature === feature && each.writable);
      if (found !== undefined)
        return { ...found, kind: "number", choices: [], ...(field.percent ? { unit: "percentage", range: [found.range?.[0] === 1 ? 1 : 0, 100, 1] as const } : {}) };
    }
  }
  return undefined;
}
