/** Figures as the terminal and the report say them: exact where they are counted, no digit too many where estimated. */
import type { Estimate } from "@/pages/flywheel/report";
import type { Language } from "@/words/language";

const money = new Map<string, Intl.NumberFormat>();
const STEPS = { "zh-CN": [[1e8, "亿"], [1e4, "万"]], en: [[1e9, "bn"], [1e6, "m"], [1e3, "k"]] } as const;

function format(currency: string, language: Language, decimals?: number): Intl.NumberFormat {
  const key = `${language} ${currency} ${decimals ?? ""}`;
  let found = money.get(key);
  if (found === undefined) {
    const digits = decimals === undefined ? {} : { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
    try {
      found = new Intl.NumberFormat(language, { style: "currency", currency, ...digits });
    } catch {
      found = new Intl.NumberFormat(language, { minimumFractionDigits: 2, maximumFractionDigits: 2, ...digits });
    }
    money.set(key, found);
  }
  return found;
}

/** Minor units in one of the currency. */
const unit = (currency: string, language: Language): number =>
  10 ** (format(currency, language).resolvedOptions().maximumFractionDigits ?? 2);

/** To the cent. */
export const exact = (minor: number, currency: string, language: Language): string =>
  format(currency, language).format(minor / unit(currency, language));

/** An expectation: cents only below a hundred of the currency. */
export function expected(minor: number | null | undefined, currency: string, language: Language): string {
  if (minor === null || minor === undefined) return "–";
  const major = minor / unit(currency, language);
  return format(currency, language, Math.abs(major) < 99.995 ? undefined : 0).format(major);
}

/** For an axis: 1.2k, 3.4万. */
export function short(minor: number, currency: string, language: Language): string {
  const major = minor / unit(currency, language);
  const [size, name] = STEPS[language].find(([each]) => Math.abs(major) >= each) ?? [1, ""];
  return `${Number((major / size).toPrecision(3)).toLocaleString(language)}${name}`;
}

/** Two or three digits, and never more than three decimals. */
export function number(value: number | null | undefined, language: Language): string {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  if (size > 0 && size < 0.0005) return value > 0 ? "<0.001" : "-<0.001";
  const decimals = size < 0.0995 ? 3 : size < 9.995 ? 2 : size < 99.95 ? 1 : 0;
  return value.toLocaleString(language, { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}

export const share = (value: number): string =>
  value > 0 && value < 0.001 ? "<0.1%" : `${(100 * value).toFixed(Math.abs(value) < 0.0995 ? 1 : 0)}%`;

/** `330–419`; empty where the data give no interval. The currency is left to the value beside it. */
export function interval(estimate: Estimate, language: Language, currency = ""): string {
  if (estimate.low === null || estimate.high === null) return "";
  const bare = (minor: number): string =>
    currency === "" ? number(minor, language) : expected(minor, currency, language).replace(/[^-\d.,∞<]/g, "");
  const [low, high] = [bare(estimate.low), bare(estimate.high)];
  return /-/.test(low + high) ? `${low} … ${high}` : `${low}–${high}`;
}

const MOST_LETTERS = 60;
// Control characters, and marks of direction that would turn the words around them.
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+/gu;

/** A name of somebody's data as it may be shown. */
export function called(name: string): string {
  const letters = [...name.replace(UNSEEN, " ").trim()];
  return letters.length === 0 ? "…" : letters.length <= MOST_LETTERS ? letters.join("") : `${letters.slice(0, MOST_LETTERS - 1).join("")}…`;
}

/** About how wide a text is, in its own size. */
const ems = (text: string): number => [...text].reduce((sum, each) => sum + (each > "\u2e80" ? 1.02 : 0.58), 0);

/** Cut so that it fits; whoever draws it gives the whole in a title. */
export function fitted(text: string, pixels: number, size: number): string {
  if (ems(text) * size <= pixels) return text;
  const letters = [...text];
  while (letters.length > 0 && (ems(letters.join("")) + 0.9) * size > pixels) letters.pop();
  return `${letters.join("").trimEnd()}…`;
}

/** In two lines where one is not enough, broken between words. */
export function lines(text: string, pixels: number, size: number): string[] {
  if (ems(text) * size <= pixels) return [text];
  const words = text.split(" ");
  let first = words.shift() ?? "";
  while (words.length > 0 && ems(`${first} ${words[0] ?? ""}`) * size <= pixels) first += ` ${words.shift() ?? ""}`;
  return [first, words.join(" ")].filter(Boolean).map((each) => fitted(each, pixels, size));
}

/** Round figures from 0 to at least `most`. */
export function ticks(most: number, about: number): number[] {
  if (!(most > 0) || !Number.isFinite(most)) return [0, 1];
  const size = 10 ** Math.floor(Math.log10(most / about));
  const step = ([1, 2, 2.5, 5, 10].find((each) => size * each * about >= most * 0.999) ?? 10) * size;
  return Array.from({ length: Math.ceil(most / step - 1e-9) + 1 }, (_, place) => place * step);
}
