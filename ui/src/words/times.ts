/** Times as a person of the home reads them: in the home's zone. The log's are UTC microseconds. */
import type { Language } from "@/words/language";

const made = new Map<string, Intl.DateTimeFormat>();

function format(language: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = language + JSON.stringify(options);
  let found = made.get(key);
  if (found === undefined) {
    try {
      found = new Intl.DateTimeFormat(language, options);
    } catch {
      found = new Intl.DateTimeFormat(language, { ...options, timeZone: "UTC" }); // a zone this browser does not know
    }
    made.set(key, found);
  }
  return found;
}

const TIME = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" } as const;

/** `18:42`. */
export const clock = (at: number, zone: string): string =>
  format("en-GB", { ...TIME, timeZone: zone }).format(at / 1000);

/** The hour of the day, from 0 to 23. */
export const hourOf = (milliseconds: number, zone: string): number =>
  Number(format("en-GB", { hour: "2-digit", hourCycle: "h23", timeZone: zone }).format(milliseconds));

/** `18:42:07`. */
export const clockWithSeconds = (at: number, zone: string): string =>
  format("en-GB", { ...TIME, second: "2-digit", timeZone: zone }).format(at / 1000);

const dayOf = (milliseconds: number, zone: string): string =>
  format("en-CA", { year: "numeric", month: "2-digit", day: "2-digit", timeZone: zone }).format(milliseconds);

/** Today, yesterday, or the date. */
export function dayName(at: number, zone: string, language: Language, names: { today: string; yesterday: string }): string {
  const now = Date.now();
  const day = dayOf(at / 1000, zone);
  if (day === dayOf(now, zone)) return names.today;
  if (day === dayOf(now - 86_400_000, zone)) return names.yesterday;
  return format(language, { month: "long", day: "numeric", weekday: "long", timeZone: zone }).format(at / 1000);
}

/** A date with its time, from microseconds or ISO 8601. */
export function moment(at: number | string, zone: string, language: Language): string {
  const date = typeof at === "number" ? new Date(at / 1000) : new Date(at);
  if (Number.isNaN(date.getTime())) return String(at);
  return format(language, { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23", timeZone: zone }).format(date);
}

/** A date alone. */
export const date = (at: number, zone: string, language: Language): string =>
  format(language, { dateStyle: "medium", timeZone: zone }).format(at / 1000);

/** A duration in microseconds: `163 ms`, `2.4 s`. */
export function milliseconds(took: number, language: Language): string {
  const [value, unit] = took < 1_000_000 ? [Math.round(took / 1000), "ms"] : [Math.round(took / 100_000) / 10, "s"];
  return `${value.toLocaleString(language)} ${unit}`;
}
