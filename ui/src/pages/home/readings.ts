/** The home in a few readings, each with the things that it is made of. */
import droplets from "lucide-static/icons/droplets.svg?icon";
import doorOpen from "lucide-static/icons/door-open.svg?icon";
import lightbulb from "lucide-static/icons/lightbulb.svg?icon";
import lockOpen from "lucide-static/icons/lock-open.svg?icon";
import thermometer from "lucide-static/icons/thermometer.svg?icon";
import triangleAlert from "lucide-static/icons/triangle-alert.svg?icon";
import wind from "lucide-static/icons/wind.svg?icon";
import wifiOff from "lucide-static/icons/wifi-off.svg?icon";
import type { Thing } from "@/state/home.svelte";
import { t } from "@/state/preferences.svelte";
import { AIR, airOf } from "@/tiles/air";
import { atRest, plain, standsOpen } from "@/tiles/words";
import type { Key } from "@/words/keys";

export interface Reading {
  id: string;
  icon: string;
  text: string;
  care: boolean;
  things: Thing[];
}

/** Tiles whose thermometer is inside a pot or a machine say nothing of the room. */
const INSIDE = new Set(["appliance", "generic"]);

function measured(things: Thing[], feature: string): [Thing[], number] {
  const of = things.filter(
    (each) => each.reachable && !INSIDE.has(each.tile) && typeof each.value(feature) === "number",
  );
  // Sensors know better than machines that warm or moisten the air around them.
  const sensors = of.filter((each) => each.tile === "sensor");
  const best = sensors.length > 0 ? sensors : of;
  return [best, best.reduce((sum, each) => sum + (each.value(feature) as number), 0) / best.length];
}

function counted(key: "lights" | "open" | "unlocked" | "gone", count: number): string {
  return t(`ui_home.chip.${key}_${count === 1 ? "one" : "many"}` as Key, { count });
}

export function readingsOf(all: Iterable<Thing>): Reading[] {
  const things = [...all];
  const told: Reading[] = [];
  const tell = (id: string, icon: string, text: string, of: Thing[], care = false): void => {
    if (of.length > 0) told.push({ id, icon, text, things: of, care });
  };
  const alarmed = things.filter(
    (each) => ["smoke", "submersion"].some((name) => each.value(name) === true || atRest(each, name) === false) && each.tile === "sensor",
  );
  tell("alarm", triangleAlert, alarmed.map((each) => each.name).join(t("ui_home.comma")), alarmed, true);
  const [warm, temperature] = measured(things, "temperature");
  tell("temperature", thermometer, `${plain(temperature)} °C`, warm);
  const [moist, humidity] = measured(things, "humidity");
  tell("humidity", droplets, `${plain(humidity, 0)}%`, moist);
  const [airy, pm25] = measured(things, "pm25");
  tell("air", wind, t(`ui_home.air.${AIR[airOf(pm25)] ?? "fine"}` as Key), airy, airOf(pm25) >= 2);
  const lights = things.filter((each) => (each.tile === "light" || each.tile === "strip") && each.reachable);
  const lit = lights.filter((each) => each.on);
  tell("lights", lightbulb, lit.length === 0 ? t("ui_home.chip.lights_none") : counted("lights", lit.length), lit.length === 0 ? lights : lit);
  const open = things.filter((each) => standsOpen(each, "contact") === true || (each.tile === "lock" && standsOpen(each, "door") === true));
  tell("open", doorOpen, counted("open", open.length), open);
  const unlocked = things.filter((each) => each.tile === "lock" && each.value("locked") === false);
  tell("unlocked", lockOpen, counted("unlocked", unlocked.length), unlocked, true);
  const gone = things.filter((each) => !each.reachable);
  tell("gone", wifiOff, counted("gone", gone.length), gone, true);
  return told;
}
