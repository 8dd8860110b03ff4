/** Short words of the page's own for parts that hold others, and for what the hub has not told yet. */
import type { Part } from "@/api/types";
import { t } from "@/state/preferences.svelte";
import type { Key } from "@/words/keys";
import { isDoc, type PartNode, type Plain } from "./document";
import { lasting } from "./moments";
import { secondsOf } from "./times";

/** `wait` is told by the hub apart from its triggers; the others by what kind of block they are. */
export function headOf(node: PartNode, kind: string, told: Part | undefined): string {
  const value = isDoc(node.value) ? node.value : {};
  if (kind === "wait_for_trigger") {
    const seconds = value["timeout"] === undefined ? null : secondsOf(value["timeout"]);
    if (seconds === null) return t("ui_linkages.head.wait");
    const key = value["continue_on_timeout"] === false ? "ui_linkages.head.wait_or_end" : "ui_linkages.head.wait_at_most";
    return t(key, { time: lasting(seconds) });
  }
  const repeat = value["repeat"];
  if (kind === "repeat" && isDoc(repeat)) {
    if ("count" in repeat) return t("ui_linkages.head.repeat_count", { count: plainly(repeat["count"] ?? "") });
    if ("for_each" in repeat) return t("ui_linkages.head.repeat_each");
    return t("ui_linkages.head.repeat");
  }
  const key: Key | undefined = HEADS[kind];
  return key === undefined ? told?.sentence || plainly(node.value) : t(key);
}
const HEADS: Record<string, Key> = {
  and: "ui_linkages.head.and",
  or: "ui_linkages.head.or",
  not: "ui_linkages.head.not",
  if: "ui_linkages.head.if",
  choose: "ui_linkages.head.choose",
  sequence: "ui_linkages.head.sequence",
  parallel: "ui_linkages.head.parallel",
};

/** The name that a trigger was given, and what else the sentence leaves out. */
export function noteOf({ value, role }: PartNode): string {
  if (!isDoc(value)) return "";
  const told: string[] = [];
  const id = value["id"];
  if (role === "trigger" && (typeof id === "string" || typeof id === "number")) told.push(t("ui_linkages.note.name", { name: id }));
  if (value["enabled"] === false) told.push(t("ui_linkages.note.off"));
  if (value["continue_on_error"] === true) told.push(t("ui_linkages.note.go_on"));
  return told.join(" · ");
}

/** A part as it is written, short. */
export function plainly(value: Plain | undefined): string {
  if (typeof value === "string") return value;
  const text = JSON.stringify(value ?? "").replace(/["{}]/g, "");
  return text.length > 120 ? `${text.slice(0, 119)}…` : text;
}
