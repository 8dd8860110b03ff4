/** Moments as people say them, in the language of the page and the zone of the home. Times are microseconds. */
import { home } from "@/state/home.svelte";
import { preferences, t } from "@/state/preferences.svelte";

const MINUTE = 60;
const HOUR = 3_600;
const DAY = 86_400;

function format(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const zone = home.view?.household.zone;
  return new Intl.DateTimeFormat(preferences.language, { ...options, ...(zone ? { timeZone: zone } : {}) });
}

export function ago(time: number): string {
  const seconds = Math.max(0, Date.now() / 1000 - time / 1e6);
  const relative = new Intl.RelativeTimeFormat(preferences.language, { numeric: "auto" });
  if (seconds < MINUTE) return t("ui_linkages.just_now");
  if (seconds < HOUR) return relative.format(-Math.floor(seconds / MINUTE), "minute");
  if (seconds < DAY) return relative.format(-Math.floor(seconds / HOUR), "hour");
  return relative.format(-Math.floor(seconds / DAY), "day");
}

/** `11月22日 18:42`. */
export function moment(time: number): string {
  return format({ month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hour12: false }).format(time / 1000);
}

/** `18:42:07.031`. */
export function exact(time: number): string {
  const date = new Date(time / 1000);
  const told = format({ hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" }).format(date);
  return `${told}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

/** A time after the beginning of a run: `+3 ms`, `+2 min`. */
export function after(microseconds: number): string {
  const number = (value: number, digits = 0): string =>
    new Intl.NumberFormat(preferences.language, { maximumFractionDigits: digits }).format(value);
  if (microseconds < 10_000) return `+${number(microseconds / 1000, 1)} ms`;
  if (microseconds < 1_000_000) return `+${number(microseconds / 1000)} ms`;
  return `+${lasting(microseconds / 1e6)}`;
}

/** Seconds as people say them, at most two units. */
export function lasting(seconds: number): string {
  const parts: [number, string][] = [
    [Math.floor(seconds / DAY), "day"],
    [Math.floor((seconds % DAY) / HOUR), "hour"],
    [Math.floor((seconds % HOUR) / MINUTE), "minute"],
    [Math.round((seconds % MINUTE) * 10) / 10, "second"],
  ];
  const told = parts
    .filter(([value]) => value > 0)
    .slice(0, 2)
    .map(([value, unit]) =>
      new Intl.NumberFormat(preferences.language, { style: "unit", unit, unitDisplay: "short" }).format(value),
    );
  return told.length > 0 ? told.join(" ") : new Intl.NumberFormat(preferences.language, { style: "unit", unit: "second", unitDisplay: "short" }).format(0);
}

/** What set a run off is told with its time, which stands beside it already. */
export function withoutTime(text: string): string {
  return text.replace(/[,，] ?[\d:.]+$/, "");
}
