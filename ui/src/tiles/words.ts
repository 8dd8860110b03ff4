/** What a thing is doing, in a few words: "68% · 3400 K", "自动 · 滤芯 62%". One table: kind of tile -> what is told. */
import type { Value } from "@/api/live";
import type { FeatureView } from "@/api/types";
import type { Thing } from "@/state/home.svelte";
import { preferences, t } from "@/state/preferences.svelte";
import type { Key } from "@/words/keys";

export const UNKNOWN = "—";
const LOW_BATTERY = 20;

/** Most important first. */
const TOLD: Record<string, readonly string[]> = {
  light: ["brightness", "color_temperature"],
  strip: ["brightness"],
  curtain: ["position", "moving"],
  climate: ["mode", "temperature", "humidity"],
  purifier: ["mode", "filter_life", "water_level"],
  fan: ["speed", "fan_level", "mode"],
  switch: ["channels", "power"],
  lock: ["locked", "door", "battery_low"],
  vacuum: ["status", "battery"],
  appliance: ["status", "left_time", "mode", "temperature"],
  camera: ["recording"],
  sensor: ["battery_low"],
  speaker: ["playing", "volume"],
  generic: ["status", "temperature"],
};
/** Not said while the thing is off. */
const WHILE_ON = new Set(["brightness", "color_temperature", "speed", "fan_level", "mode", "recording", "left_time"]);
/** Said only while it is worth saying. */
const NOT_ZERO = new Set(["left_time", "power"]);
const BOOLS = new Set(["motion", "contact", "door", "locked", "submersion", "smoke"]);
/** What its numbers are told as where the bare number with its unit would not do. */
const SENTENCES: Record<string, Key> = {
  filter_life: "ui_home.state.filter",
  water_level: "ui_home.state.water",
  left_time: "ui_home.state.left",
  pm25: "ui_home.state.pm25",
  co2: "ui_home.state.co2",
  volume: "ui_home.state.volume",
  battery: "ui_home.state.battery",
};
const UNITS: Record<string, string> = {
  percentage: "%",
  celsius: " °C",
  kelvin: " K",
  lux: " lx",
  watt: " W",
  ppm: " ppm",
  "kilowatt-hour": " kWh",
  volt: " V",
  ampere: " A",
  hours: " h",
  minutes: " min",
  seconds: " s",
  days: " d",
  "microgram-per-cubic-metre": " μg/m³",
  "mg/m3": " mg/m³",
  pascal: " Pa",
  arcdegrees: "°",
};

export function unit(name: string): string {
  return UNITS[name] ?? (name === "" || name === "none" || name === "rgb" ? "" : ` ${name}`);
}

export function plain(value: number, digits = 1): string {
  return new Intl.NumberFormat(preferences.language, { maximumFractionDigits: digits, useGrouping: false }).format(value);
}

/** One value of a property alone, as people say it. */
export function valueInWords(feature: Pick<FeatureView, "choices" | "unit">, value: Value | null): string {
  if (value === null) return UNKNOWN;
  const listed = feature.choices.find((each) => each.value === value)?.name;
  if (listed) return listed.replaceAll("_", " ");
  if (typeof value === "boolean") return t(value ? "ui_home.state.on" : "ui_home.state.off");
  return typeof value === "number" ? plain(value, 2) + unit(feature.unit) : value;
}

/** One feature of a thing, or "" when nothing is known or worth saying of it. */
export function featureInWords(thing: Thing, name: string): string {
  const feature = thing.feature(name);
  const value = thing.value(name);
  if (feature === undefined || value === null) return "";
  if (typeof value === "boolean")
    return BOOLS.has(name) ? t(`ui_home.state.${name}.${value}` as Key) : t(value ? "ui_home.state.on" : "ui_home.state.off");
  if (NOT_ZERO.has(name) && !value) return "";
  const sentence = SENTENCES[name];
  if (sentence !== undefined && typeof value === "number" && feature.choices.length === 0)
    return t(sentence, { value: plain(value) });
  const told = valueInWords(feature, value);
  return told.toLowerCase() === "none" ? "" : told;
}

/** Whether a listed value is one in which nothing is under way; null while it is unknown or not listed. */
export function atRest(thing: Thing, feature: string): boolean | null {
  const value = thing.value(feature);
  const found = thing.feature(feature)?.choices.find((each) => each.value === value);
  return found === undefined ? null : (found.rest ?? false);
}

/** A door, a window, a lock that stands open: by a switch of its own or by a list of states. */
export function standsOpen(thing: Thing, feature: "contact" | "door"): boolean | null {
  const value = thing.value(feature);
  if (typeof value === "boolean") return feature === "contact" ? !value : value;
  const rest = atRest(thing, feature);
  return rest === null ? null : !rest;
}

function position(thing: Thing): string {
  const value = thing.value("position");
  if (typeof value !== "number") return "";
  if (value === 0) return t("ui_home.state.closed");
  return value === 100 ? t("ui_home.state.open") : t("ui_home.state.position", { value: plain(value, 0) });
}

const SPECIAL: Record<string, (thing: Thing) => string> = {
  position,
  moving: (thing) => (atRest(thing, "status") === false ? featureInWords(thing, "status") : ""),
  battery_low: (thing) => {
    const level = thing.value("battery");
    return typeof level === "number" && level < LOW_BATTERY ? t("ui_home.state.battery", { value: level }) : "";
  },
  channels: (thing) => {
    const channels = channelsOf(thing);
    if (channels.length === 0) return "";
    const on = channels.filter((each) => thing.values[each.address] === true).length;
    return on === 0 ? t("ui_home.state.off") : t("ui_home.state.channels", { on, all: channels.length });
  },
  // A speed is told once, by the finer of its two.
  fan_level: (thing) => (thing.value("speed") === null ? featureInWords(thing, "fan_level") : ""),
  volume: (thing) => (thing.value("mute") === true ? t("ui_home.state.muted") : featureInWords(thing, "volume")),
};

/** What it switches apart from each other; none when it has but one switch. */
export function channelsOf(thing: Thing): FeatureView[] {
  if (thing.tile !== "switch" || thing.model === undefined) return [];
  const { shown, properties } = thing.model;
  return shown.flatMap((address) => properties[address] ?? []);
}

export function inWords(thing: Thing): string {
  const off = thing.value("on") === false;
  const channels = channelsOf(thing).length > 0;
  const told = (TOLD[thing.tile] ?? [])
    .filter((name) => !(off && WHILE_ON.has(name)))
    .map((name) => SPECIAL[name]?.(thing) ?? featureInWords(thing, name))
    .filter((text) => text !== "");
  if (off && !channels) told.unshift(t("ui_home.state.off"));
  else if (told.length === 0 && thing.on) told.push(t("ui_home.state.on"));
  return [...new Set(told)].slice(0, 3).join(" · ") || UNKNOWN;
}
