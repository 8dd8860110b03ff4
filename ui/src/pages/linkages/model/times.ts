/** Durations and times of day in the forms that a linkage may have them in. */
import { isDoc, type Plain } from "./document";

const CLOCK = /^([+-]?)(\d{1,5}):(\d{1,2})(?::(\d{1,2}(?:\.\d+)?))?$/;
const UNITS: Record<string, number> = { days: 86_400, hours: 3_600, minutes: 60, seconds: 1, milliseconds: 0.001 };

/** Seconds, or null for what is computed or not understood. */
export function secondsOf(value: Plain | undefined): number | null {
  if (value === undefined || value === null) return 0;
  if (typeof value === "number") return value;
  if (typeof value === "string") {
    const found = CLOCK.exec(value.trim());
    if (found !== null) {
      const total = Number(found[2]) * 3_600 + Number(found[3]) * 60 + Number(found[4] ?? 0);
      return found[1] === "-" ? -total : total;
    }
    return value.trim() !== "" && Number.isFinite(Number(value)) ? Number(value) : null;
  }
  if (!isDoc(value)) return null;
  let total = 0;
  for (const [unit, each] of Object.entries(value)) {
    const factor = UNITS[unit];
    if (factor === undefined || typeof each !== "number") return null;
    total += each * factor;
  }
  return total;
}

/** `HH:MM:SS`. */
export function clockOf(seconds: number): string {
  const whole = Math.abs(seconds);
  const two = (value: number): string => String(Math.floor(value)).padStart(2, "0");
  const rest = whole % 60;
  const fraction = Number.isInteger(rest) ? "" : (rest % 1).toFixed(6).slice(1).replace(/0+$/, "");
  return `${seconds < 0 ? "-" : ""}${two(whole / 3_600)}:${two((whole / 60) % 60)}:${two(rest)}${fraction}`;
}

/** What an <input type=time> takes: `HH:MM`, with seconds where there are some. */
export function timeOfDay(value: Plain | undefined): string {
  const seconds = typeof value === "string" ? secondsOf(value) : null;
  if (seconds === null || seconds < 0 || seconds >= 86_400) return "";
  return seconds % 60 === 0 ? clockOf(seconds).slice(0, 5) : clockOf(seconds);
}
