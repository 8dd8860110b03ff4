/** A Report as the fit writes it (src/setaria/flywheel/report/report.py), and the same in words. Amounts are minor units,
 *  times days since 1970; null stands for a number that nobody knows. */
import type { Language } from "@/words/language";

export interface Estimate {
  value: number | null;
  low: number | null;
  high: number | null;
  error: number | null;
}

export interface Source {
  name: string;
  first: number;
  last: number;
  households: number;
  facts: number;
  counted: number;
  touchpoints: number;
  grain: string;
  currencies: string[];
  simulated: boolean;
  fitted_at: number;
}

export interface Value {
  touchpoint: string;
  receives: boolean;
  count: number;
  total: number;
  mean: number | null;
  value: Estimate | null;
  indirect: Estimate | null;
  within: Record<string, Estimate>;
  cost: number | null;
  roi: Estimate | null;
  marginal_roi: Estimate | null;
  explained: number;
  rooted: number;
}

export interface Lead {
  source: string;
  target: string;
  children: Estimate;
  days: number | null;
  sure: boolean;
  facts: number;
  amount: number;
}

export interface Explained {
  currency: string;
  total: number;
  own: number;
  repeat: number;
  cross: number;
  sent: number;
  uncounted: number;
  outside: number;
  parents: Record<string, Record<string, number>>;
  roots: Record<string, Record<string, number>>;
  to_come: Estimate | null;
}

export interface Specified {
  name: string;
  flywheel_number: Estimate;
  log_likelihood: number | null;
  held_out: number | null;
  values: (number | null)[];
}

export interface Check {
  name: string;
  passed: boolean | null;
  figure: number | null;
  against: number | null;
  sentence: unknown;
  points: (number | null)[][];
}

export interface Compared {
  method: string;
  credits: Record<string, number>;
}

export interface WhatIf {
  name: string;
  scale: number | null;
  days: (number | null)[];
  before: (number | null)[];
  after: (number | null)[];
  change: Estimate;
}

export interface Report {
  source: Source;
  currency: string;
  identified: boolean;
  values: Record<string, Value[]>;
  leads: Lead[];
  explained: Explained[];
  flywheel_number: Estimate | null;
  specified: Specified[];
  checks: Check[];
  compared: Compared[];
  what_if: WhatIf[];
  weeks: [number, Record<string, number>][];
}

export interface Line {
  text: string;
  tone: "plain" | "good" | "careful" | "bad";
}

/** A cell is its text, its interval, and "?" where the data do not identify it. */
export type Cell = readonly string[];

export interface ShownTable {
  name: string;
  file: string;
  title: string;
  currency: string;
  columns: { name: string; numeric: boolean }[];
  rows: Cell[][];
  total: Cell[] | null;
  more: number;
}

export interface Shown {
  source: string;
  headline: Line[];
  verdict: Line[];
  next: Line[];
  drift: Line[];
  budget: Line[];
  differences: Line[];
  understood: Line[];
  lots: Line[];
  checks: { name: string; title: string; text: string; passed: boolean | null }[];
  number: { value: string; interval: string; limit: boolean; loop: string; missing: number } | null;
  tables: ShownTable[];
  words: Record<string, string>;
}

export const PARTS = ["own", "repeat", "cross", "sent", "uncounted", "outside"] as const;
export const COLOURS = 4;

/** What earns most has a colour of its own, the same in every picture: e1 to e4, and e0 for all others. */
export function coloured(report: Report): Map<string, string> {
  const earners = (report.values[report.currency] ?? []).filter((each) => each.total > 0).sort((one, other) => other.total - one.total);
  return new Map(earners.map((each, place) => [each.touchpoint, `e${place < COLOURS ? place + 1 : 0}`]));
}

/** What a fact brings within so many days, its own amount included; "" is without end, where there is such a value. */
export function worth(value: Value, within: string): Estimate | null {
  return within === "" ? value.value : (value.within[within] ?? null);
}

/** The last of `most` places gathers all who have none. */
export function few(amounts: ReadonlyMap<string, number>, most: number, others: string): Map<string, string> {
  const ranked = [...amounts].sort((one, other) => other[1] - one[1]).map(([name]) => name);
  const kept = new Set(ranked.slice(0, ranked.length <= most ? most : most - 1));
  return new Map(ranked.map((name) => [name, kept.has(name) ? name : others]));
}

export const link = (report: string, file: string, language: Language): string =>
  `/api/flywheel/tables/${encodeURIComponent(file)}?report=${report}&language=${language}`;
