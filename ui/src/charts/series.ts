/** The past of one property as something to draw: a line for numbers, steps for what has states. */
import { api, query } from "@/api/client";
import type { Value } from "@/api/live";

export interface Point {
  /** Milliseconds. */
  at: number;
  value: Value;
}
export interface Level {
  value: Value;
  name: string;
}
export interface Series {
  since: number;
  until: number;
  points: Point[];
  /** Of a property with states, in the order of the axis; null is a number. */
  levels: Level[] | null;
  /** Whether a value stands until the next: what is set does, what is measured moves between. */
  steps: boolean;
}
export interface Told {
  lowest: number;
  mean: number;
  highest: number;
}

const MOST = 2_000;
const PAGES = 3;
interface History {
  points: [number, Value][];
  more: boolean;
  reached: number;
}

/** Times in milliseconds. */
export async function readPoints(
  thing: string,
  property: string,
  since: number,
  until: number,
  signal?: AbortSignal,
): Promise<Point[]> {
  const found: Point[] = [];
  let from = Math.round(since * 1000);
  const to = Math.round(until * 1000);
  for (let page = 0; page < PAGES; page++) {
    const asked = query({ property, since: from, until: to, limit: MOST });
    const history = await api.get<History>(`/api/things/${encodeURIComponent(thing)}/history${asked}`, signal);
    for (const [at, value] of history.points) found.push({ at: at / 1000, value });
    if (!history.more || history.reached <= from) break;
    from = history.reached;
  }
  return found;
}

/** Where a point stands on the axis of values. */
export function heightOf(series: Series, value: Value): number | null {
  if (series.levels === null) return typeof value === "number" ? value : null;
  const found = series.levels.findIndex((each) => each.value === value);
  if (found !== -1) return found;
  // Statistics tell the share of the time a switch was on.
  return typeof value === "number" && series.levels.length === 2 ? value : typeof value === "boolean" ? Number(value) : null;
}

/** Weighed by how long each value stood. */
export function told(series: Series): Told | null {
  const [first] = series.points;
  if (series.levels !== null || first === undefined) return null;
  let [lowest, highest, sum, time] = [Infinity, -Infinity, 0, 0];
  series.points.forEach((point, number) => {
    if (typeof point.value !== "number") return;
    const stood = (series.points[number + 1]?.at ?? series.until) - point.at;
    lowest = Math.min(lowest, point.value);
    highest = Math.max(highest, point.value);
    sum += point.value * stood;
    time += stood;
  });
  if (lowest === Infinity) return null;
  return { lowest, highest, mean: time > 0 ? sum / time : lowest };
}

/** The share of the time that each level stood, highest first. */
export function shares(series: Series): (Level & { share: number })[] {
  const [first] = series.points;
  if (series.levels === null || first === undefined) return [];
  const stood = new Map<Value, number>();
  series.points.forEach((point, number) => {
    const long = (series.points[number + 1]?.at ?? series.until) - point.at;
    stood.set(point.value, (stood.get(point.value) ?? 0) + long);
  });
  const all = series.until - first.at || 1;
  return series.levels
    .map((level) => ({ ...level, share: (stood.get(level.value) ?? 0) / all }))
    .filter((each) => each.share > 0)
    .sort((one, other) => other.share - one.share);
}

/** Round numbers that enclose what is drawn. */
export function ticks(lowest: number, highest: number, wanted = 3): number[] {
  if (lowest === highest) [lowest, highest] = [lowest - 1, highest + 1];
  const rough = (highest - lowest) / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 2.5, 5, 10].find((each) => each * power >= rough) ?? 10) * power;
  const from = Math.floor(lowest / step);
  const to = Math.ceil(highest / step);
  return Array.from({ length: to - from + 1 }, (_, number) => Number(((from + number) * step).toPrecision(12)));
}

/** The last point at or before `at`. */
export function pointAt(points: readonly Point[], at: number): number {
  let [low, high] = [0, points.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((points[middle]?.at ?? 0) <= at) low = middle;
    else high = middle - 1;
  }
  return low;
}
