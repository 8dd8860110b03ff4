/** One part while its sheet is open. What is not touched stays as it was written, to the letter. */
import { isDoc, listOf, oneOf, same, type Doc, type Plain } from "./document";
import { ownerOf } from "./things.svelte";

interface Typed {
  refs?: { address: string }[];
  [name: string]: unknown;
}

export class PartDraft {
  value = $state.raw<Doc>({});
  readonly original: Doc;
  readonly typed: Typed | null;

  /** `typed` is how the hub understood it: full addresses and typed values. */
  constructor(value: Doc, typed: unknown) {
    this.original = value;
    this.value = value;
    this.typed = typeof typed === "object" && typed !== null ? (typed as Typed) : null;
  }

  get(key: string): Plain | undefined {
    return this.value[key];
  }
  text(key: string): string {
    const found = this.value[key];
    return found === undefined || found === null ? "" : typeof found === "object" ? JSON.stringify(found) : String(found);
  }
  flag(key: string, usual: boolean): boolean {
    const found = this.value[key];
    if (typeof found === "boolean") return found;
    return found === undefined || found === null ? usual : ["on", "true", "yes"].includes(String(found).toLowerCase());
  }
  /** undefined takes it away. */
  set(key: string, value: Plain | undefined): void {
    const made = { ...this.value };
    if (value === undefined) delete made[key];
    else made[key] = value;
    this.value = made;
  }
  /** A value of a mapping within. */
  inner(key: string): Doc {
    const found = this.value[key];
    return isDoc(found) ? found : {};
  }
  setInner(key: string, name: string, value: Plain | undefined): void {
    const made = { ...this.inner(key) };
    if (value === undefined) delete made[name];
    else made[name] = value;
    this.set(key, Object.keys(made).length === 0 ? undefined : made);
  }

  /** What is watched, by full addresses as far as they are known. */
  get addresses(): string[] {
    if (this.#untouched && this.typed?.refs) return this.typed.refs.map((each) => each.address);
    return listOf(this.value["entity_id"]).flatMap((each) => String(each).split(",")).map((each) => personal(each.trim())).filter(Boolean);
  }
  get #untouched(): boolean {
    return same(this.value["entity_id"], this.original["entity_id"]) && same(this.value["attribute"], this.original["attribute"]);
  }
  /** Values go with what they are values of: they are written anew as they were understood. */
  watch(addresses: readonly string[], keys: Record<string, string>): void {
    const before = this.addresses[0];
    for (const [key, name] of Object.entries(keys)) {
      const values = this.values(key, name);
      if (values !== null) this.set(key, before?.split("/")[0] && sameKind(before, addresses[0]) ? oneOf(values) : undefined);
    }
    this.set("attribute", undefined);
    this.set("entity_id", addresses.length === 0 ? undefined : oneOf(addresses));
  }
  /** null when nothing is given, which accepts anything. `name` is what the checked part calls it. */
  values(key: string, name: string): Plain[] | null {
    const given = this.value[key];
    if (given === undefined || given === null) return null;
    const typed = this.typed?.[name];
    if (this.#untouched && same(given, this.original[key]) && Array.isArray(typed)) {
      const first = this.addresses[0] ?? "";
      return (typed as Plain[]).map((each) => spoken(first, each));
    }
    return listOf(given);
  }
  setValues(key: string, values: readonly Plain[] | null): void {
    this.set(key, values === null || values.length === 0 ? undefined : oneOf(values));
  }
}

/** Presence and helpers are written in words, as people do. */
function spoken(address: string, value: Plain): Plain {
  if (typeof value !== "boolean") return value;
  const owner = ownerOf(address);
  if (owner.startsWith("member/")) return value ? "home" : "not_home";
  return owner.startsWith("helper/") ? (value ? "on" : "off") : value;
}
function sameKind(one: string, other: string | undefined): boolean {
  return other !== undefined && one.split("/").at(-1)?.split(".").at(-1) === other.split("/").at(-1)?.split(".").at(-1);
}
/** `person.wei`, `input_boolean.guests` are the home's own member/wei.home, helper/guests.on. */
function personal(written: string): string {
  if (written.startsWith("person.")) return `member/${written.slice("person.".length)}.home`;
  if (/^member\/[^.]+$/.test(written)) return `${written}.home`;
  const helper = /^(?:input_boolean|counter|timer)\.(.+)$/.exec(written)?.[1];
  if (helper === undefined) return written;
  const last = { input_boolean: "on", counter: "count", timer: "running" }[written.split(".")[0] ?? ""] ?? "on";
  return `helper/${helper}.${last}`;
}
