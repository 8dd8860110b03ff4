/** The picture of a linkage: the thing it watches, else what sets it off. */
import calendarClock from "lucide-static/icons/calendar-clock.svg?icon";
import clapperboard from "lucide-static/icons/clapperboard.svg?icon";
import clock from "lucide-static/icons/clock.svg?icon";
import doorOpen from "lucide-static/icons/door-open.svg?icon";
import filter from "lucide-static/icons/filter.svg?icon";
import bell from "lucide-static/icons/bell.svg?icon";
import gitFork from "lucide-static/icons/git-fork.svg?icon";
import hourglass from "lucide-static/icons/hourglass.svg?icon";
import pencilLine from "lucide-static/icons/pencil-line.svg?icon";
import play from "lucide-static/icons/play.svg?icon";
import power from "lucide-static/icons/power.svg?icon";
import radio from "lucide-static/icons/radio.svg?icon";
import repeat from "lucide-static/icons/repeat.svg?icon";
import sliders from "lucide-static/icons/sliders-horizontal.svg?icon";
import square from "lucide-static/icons/octagon.svg?icon";
import sunrise from "lucide-static/icons/sunrise.svg?icon";
import toggleRight from "lucide-static/icons/toggle-right.svg?icon";
import users from "lucide-static/icons/users.svg?icon";
import workflow from "lucide-static/icons/workflow.svg?icon";
import zap from "lucide-static/icons/zap.svg?icon";
import gauge from "lucide-static/icons/gauge.svg?icon";
import type { LinkageView } from "@/api/types";
import { home } from "@/state/home.svelte";
import { iconOf as thingIcon } from "@/tiles/icons";
import type { Role } from "./document";

const OF_TRIGGERS: Record<string, string> = {
  state: zap,
  numeric_state: gauge,
  time: clock,
  time_pattern: calendarClock,
  sun: sunrise,
  event: radio,
  zone: users,
  homeassistant: power,
  start: power,
};
const OF_STEPS: Record<string, string> = {
  service: play,
  set: sliders,
  act: play,
  scene: clapperboard,
  notify: bell,
  delay: hourglass,
  wait_for_trigger: hourglass,
  wait_template: hourglass,
  choose: gitFork,
  if: gitFork,
  repeat,
  stop: square,
  helper: toggleRight,
  event: radio,
  variables: pencilLine,
  raw: pencilLine,
};

export function iconOf(linkage: LinkageView): string {
  const thing = home.thing(linkage.about);
  if (thing !== undefined) return thingIcon(thing);
  if (home.member(linkage.about) !== undefined || linkage.about.startsWith("member")) return doorOpen;
  return linkage.about.startsWith("helper") ? toggleRight : (OF_TRIGGERS[linkage.kind] ?? workflow);
}
export function iconOfPart(kind: string, role: Role): string {
  if (role === "trigger") return OF_TRIGGERS[kind] ?? zap;
  return role === "condition" ? filter : (OF_STEPS[kind] ?? filter);
}
