/** What can be added, with what each begins as. `at once` needs no sheet: what it holds is added within it. */
import { home } from "@/state/home.svelte";
import type { Key } from "@/words/keys";
import type { Doc, Plain, Role } from "./document";

export interface Kind {
  name: Key;
  hint?: Key;
  /** As kindOf calls it, for its picture. */
  kind: string;
  make: () => Plain;
  atOnce?: boolean;
  /** Goes on to the conditions. */
  conditions?: boolean;
  /** Only where the home has any. */
  if?: () => boolean;
}
const people = (): string[] => (home.view?.members ?? []).filter((each) => each.role !== "guest").map((each) => `person.${each.id}`);
const firstHelper = (): Plain => {
  const found = home.view?.helpers[0];
  const last = { switch: "on", counter: "count", timer: "running" }[found?.type ?? ""] ?? "on";
  return found === undefined ? [] : `helper/${found.id}.${last}`;
};
const hasHelpers = (): boolean => (home.view?.helpers.length ?? 0) > 0;

const TRIGGERS: readonly Kind[] = [
  { name: "ui_linkages.kind.state", hint: "ui_linkages.kind.state.hint", kind: "state", make: () => ({ trigger: "state" }) },
  { name: "ui_linkages.kind.number", hint: "ui_linkages.kind.number.hint", kind: "numeric_state", make: () => ({ trigger: "numeric_state" }) },
  { name: "ui_linkages.kind.event", hint: "ui_linkages.kind.event.hint", kind: "event", make: () => ({ trigger: "event" }) },
  { name: "ui_linkages.kind.time", kind: "time", make: () => ({ trigger: "time", at: "07:00:00" }) },
  { name: "ui_linkages.kind.pattern", kind: "time_pattern", make: () => ({ trigger: "time_pattern", minutes: "/10" }) },
  { name: "ui_linkages.kind.sun", kind: "sun", make: () => ({ trigger: "sun", event: "sunset" }) },
  { name: "ui_linkages.kind.presence", kind: "zone", make: () => ({ trigger: "zone", entity_id: people(), zone: "zone.home", event: "enter" }) },
  { name: "ui_linkages.kind.everyone_left", kind: "zone", make: () => ({ trigger: "state", entity_id: people(), to: "not_home" }) },
  { name: "ui_linkages.kind.helper", kind: "helper", if: hasHelpers, make: () => ({ trigger: "state", entity_id: firstHelper() }) },
  { name: "ui_linkages.kind.start", kind: "homeassistant", make: () => ({ trigger: "homeassistant", event: "start" }) },
];
/** With the trigger that everyone left belongs the condition that nobody is there. */
export const NOBODY_HOME = "ui_linkages.kind.everyone_left";
export const nobodyHome = (): Doc => ({ condition: "state", entity_id: people(), state: "not_home" });

const CONDITIONS: readonly Kind[] = [
  { name: "ui_linkages.kind.state", kind: "state", make: () => ({ condition: "state" }) },
  { name: "ui_linkages.kind.number", kind: "numeric_state", make: () => ({ condition: "numeric_state" }) },
  { name: "ui_linkages.kind.time_window", kind: "time", make: () => ({ condition: "time" }) },
  { name: "ui_linkages.kind.sun", kind: "sun", make: () => ({ condition: "sun" }) },
  { name: "ui_linkages.kind.home", kind: "zone", make: () => ({ condition: "zone", entity_id: people().slice(0, 1), zone: "zone.home" }) },
  { name: "ui_linkages.kind.nobody_home", kind: "zone", make: nobodyHome },
  { name: "ui_linkages.kind.helper", kind: "helper", if: hasHelpers, make: () => ({ condition: "state", entity_id: firstHelper() }) },
  { name: "ui_linkages.kind.by_trigger", kind: "trigger", make: () => ({ condition: "trigger" }) },
  { name: "ui_linkages.kind.timed_out", kind: "template", atOnce: true, make: () => "{{ wait.trigger is none }}" },
  { name: "ui_linkages.kind.or", kind: "or", atOnce: true, make: () => ({ or: [] }) },
  { name: "ui_linkages.kind.and", kind: "and", atOnce: true, make: () => ({ and: [] }) },
  { name: "ui_linkages.kind.not", kind: "not", atOnce: true, make: () => ({ not: [] }) },
  { name: "ui_linkages.kind.formula", kind: "template", make: () => "{{  }}" },
];
const STEPS: readonly Kind[] = [
  { name: "ui_linkages.kind.service", hint: "ui_linkages.kind.service.hint", kind: "service", make: () => ({ action: "" }) },
  { name: "ui_linkages.kind.set", hint: "ui_linkages.kind.set.hint", kind: "set", make: () => ({ set: {} }) },
  { name: "ui_linkages.kind.act", hint: "ui_linkages.kind.act.hint", kind: "act", make: () => ({ act: "" }) },
  { name: "ui_linkages.kind.scene", kind: "scene", if: () => (home.view?.scenes.length ?? 0) > 0, make: () => ({ scene: "" }) },
  { name: "ui_linkages.kind.notify", kind: "notify", make: () => ({ action: "notify.notify", data: { message: "" } }) },
  { name: "ui_linkages.kind.delay", kind: "delay", make: () => ({ delay: "00:02:00" }) },
  { name: "ui_linkages.kind.wait", hint: "ui_linkages.kind.wait.hint", kind: "wait_for_trigger", make: () => ({ wait_for_trigger: [], timeout: "00:15:00" }) },
  { name: "ui_linkages.kind.only_if", kind: "condition", conditions: true, make: () => null },
  { name: "ui_linkages.kind.if", kind: "if", atOnce: true, make: () => ({ if: [], then: [] }) },
  { name: "ui_linkages.kind.choose", kind: "choose", atOnce: true, make: () => ({ choose: [{ conditions: [], sequence: [] }] }) },
  { name: "ui_linkages.kind.repeat", kind: "repeat", make: () => ({ repeat: { count: 2, sequence: [] } }) },
  { name: "ui_linkages.kind.parallel", kind: "parallel", atOnce: true, make: () => ({ parallel: [{ sequence: [] }, { sequence: [] }] }) },
  { name: "ui_linkages.kind.helper_step", kind: "helper", if: hasHelpers, make: () => ({ action: "input_boolean.turn_on" }) },
  { name: "ui_linkages.kind.fire", kind: "event", make: () => ({ event: "" }) },
  { name: "ui_linkages.kind.stop", kind: "stop", make: () => ({ stop: "" }) },
];

export function kindsFor(role: Role): readonly Kind[] {
  const all = role === "trigger" ? TRIGGERS : role === "condition" ? CONDITIONS : STEPS;
  return all.filter((each) => each.if?.() ?? true);
}
