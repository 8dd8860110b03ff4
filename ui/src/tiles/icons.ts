/** What stands for a kind of thing: by what its spec calls it, else by its tile. */
import airVent from "lucide-static/icons/air-vent.svg?icon";
import bellRing from "lucide-static/icons/bell-ring.svg?icon";
import blinds from "lucide-static/icons/blinds.svg?icon";
import bot from "lucide-static/icons/bot.svg?icon";
import box from "lucide-static/icons/box.svg?icon";
import cctv from "lucide-static/icons/cctv.svg?icon";
import coffee from "lucide-static/icons/coffee.svg?icon";
import cookingPot from "lucide-static/icons/cooking-pot.svg?icon";
import doorClosed from "lucide-static/icons/door-closed.svg?icon";
import doorOpen from "lucide-static/icons/door-open.svg?icon";
import droplets from "lucide-static/icons/droplets.svg?icon";
import fan from "lucide-static/icons/fan.svg?icon";
import flame from "lucide-static/icons/flame.svg?icon";
import footprints from "lucide-static/icons/footprints.svg?icon";
import glassWater from "lucide-static/icons/glass-water.svg?icon";
import heater from "lucide-static/icons/heater.svg?icon";
import lamp from "lucide-static/icons/lamp.svg?icon";
import lampCeiling from "lucide-static/icons/lamp-ceiling.svg?icon";
import lightbulb from "lucide-static/icons/lightbulb.svg?icon";
import lock from "lucide-static/icons/lock.svg?icon";
import lockOpen from "lucide-static/icons/lock-open.svg?icon";
import microwave from "lucide-static/icons/microwave.svg?icon";
import plug from "lucide-static/icons/plug.svg?icon";
import power from "lucide-static/icons/power.svg?icon";
import refrigerator from "lucide-static/icons/refrigerator.svg?icon";
import router from "lucide-static/icons/router.svg?icon";
import shirt from "lucide-static/icons/shirt.svg?icon";
import speaker from "lucide-static/icons/speaker.svg?icon";
import sun from "lucide-static/icons/sun.svg?icon";
import thermometer from "lucide-static/icons/thermometer.svg?icon";
import tv from "lucide-static/icons/tv.svg?icon";
import washingMachine from "lucide-static/icons/washing-machine.svg?icon";
import wind from "lucide-static/icons/wind.svg?icon";
import type { Thing } from "@/state/home.svelte";
import { standsOpen } from "@/tiles/words";

const BY_TYPE: Record<string, string> = {
  "air-conditioner": airVent,
  airer: shirt,
  "coffee-machine": coffee,
  cooker: cookingPot,
  dehumidifier: droplets,
  dryer: washingMachine,
  fridge: refrigerator,
  "gas-sensor": flame,
  gateway: router,
  humidifier: droplets,
  "illumination-sensor": sun,
  kettle: coffee,
  "microwave-oven": microwave,
  "motion-sensor": footprints,
  "occupancy-sensor": footprints,
  outlet: plug,
  "pressure-cooker": cookingPot,
  refrigerator,
  "smoke-sensor": flame,
  "submersion-sensor": droplets,
  television: tv,
  "video-doorbell": bellRing,
  washer: washingMachine,
  "water-dispenser": glassWater,
  "water-heater": droplets,
  "water-purifier": glassWater,
};
const BY_TILE: Record<string, string> = {
  light: lampCeiling,
  strip: lightbulb,
  curtain: blinds,
  climate: heater,
  purifier: wind,
  fan,
  switch: power,
  lock,
  vacuum: bot,
  appliance: plug,
  camera: cctv,
  sensor: thermometer,
  speaker,
};

export function iconOf(thing: Thing): string {
  const { type, model } = thing.summary;
  if (type === "magnet-sensor") return standsOpen(thing, "contact") === true ? doorOpen : doorClosed;
  if (thing.tile === "lock") return thing.value("locked") === false ? lockOpen : lock;
  if (thing.tile === "light" && /lamp|desk|bedside|candle/.test(model)) return lamp;
  return BY_TYPE[type] ?? BY_TILE[thing.tile] ?? box;
}

/** The colour of a kind, as a class of the tile. */
export function hueOf(tile: string): string {
  return HUES[tile] ?? "ink";
}
const HUES: Record<string, string> = {
  light: "grain",
  strip: "grain",
  curtain: "sky",
  climate: "sky",
  fan: "sky",
  camera: "sky",
  purifier: "stalk",
  lock: "stalk",
  vacuum: "stalk",
  switch: "ink",
  appliance: "sky",
  sensor: "sky",
  speaker: "rose",
};
