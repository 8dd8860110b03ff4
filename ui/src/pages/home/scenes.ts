/** What a scene's name tells of it, and whether the home is as it wants. */
import bookOpen from "lucide-static/icons/book-open.svg?icon";
import clapperboard from "lucide-static/icons/clapperboard.svg?icon";
import doorOpen from "lucide-static/icons/door-open.svg?icon";
import house from "lucide-static/icons/house.svg?icon";
import lifeBuoy from "lucide-static/icons/life-buoy.svg?icon";
import moonStar from "lucide-static/icons/moon-star.svg?icon";
import party from "lucide-static/icons/party-popper.svg?icon";
import sparkles from "lucide-static/icons/sparkles.svg?icon";
import sunrise from "lucide-static/icons/sunrise.svg?icon";
import sunset from "lucide-static/icons/sunset.svg?icon";
import utensils from "lucide-static/icons/utensils.svg?icon";
import type { SceneView } from "@/api/types";
import { home } from "@/state/home.svelte";

// The first that fits; what is rarer stands before what is part of other words.
const MEANINGS: readonly (readonly [RegExp, string])[] = [
  [/求助|帮忙|help|sos/i, lifeBuoy],
  [/观影|电影|影院|看剧|film|movie|cinema|tv/i, clapperboard],
  [/离家|出门|外出|leav|away|going out|goodbye/i, doorOpen],
  [/回家|到家|home|arriv|welcome/i, house],
  [/晚安|睡|夜|night|sleep|bed/i, moonStar],
  [/起床|早|晨|morning|wake/i, sunrise],
  [/吃饭|用餐|晚餐|午餐|dinner|lunch|meal|cook/i, utensils],
  [/阅读|看书|学习|read|study|work/i, bookOpen],
  [/会客|聚会|客人|party|guest/i, party],
  [/傍晚|黄昏|晚间|晚上|evening|dusk/i, sunset],
];

export function sceneIcon(name: string): string {
  return MEANINGS.find(([words]) => words.test(name))?.[1] ?? sparkles;
}

/** Whether every target holds; a scene without one never does. */
export function isActive(scene: SceneView): boolean {
  const targets = Object.entries(scene.targets);
  return targets.length > 0 && targets.every(([address, value]) => valueAt(address) === value);
}

function valueAt(address: string): unknown {
  const slash = address.indexOf("/");
  const [owner, rest] = [address.slice(0, slash), address.slice(slash + 1)];
  return owner === "helper" ? home.helpers.get(rest.split(".")[0] ?? rest) : home.things.get(owner)?.values[rest];
}
