/** Names that come in every language, in the one of the page. */
import type { PropertyView } from "@/api/types";
import { preferences } from "@/state/preferences.svelte";
import type { Value } from "@/api/live";
import { valueInWords } from "@/tiles/words";

export function named(names: Record<string, string>): string {
  const found = names[preferences.language] || Object.values(names).find((each) => each !== "") || "";
  return found.replace(/[_-]/g, " ").replace(/^\p{Ll}/u, (letter) => letter.toUpperCase());
}

export interface Listed {
  value: Value;
  name: string;
}

/** A choice nobody named goes by its number. */
export function choicesOf(property: PropertyView): Listed[] {
  if (property.format === "bool") return [];
  return property.choices.map(({ value, names }) => ({ value, name: named(names) || String(value) }));
}

export function inWordsOf(property: PropertyView, value: Value | null): string {
  const choices = property.choices.map((each) => ({ value: each.value, name: named(each.names), rest: false }));
  return valueInWords({ choices: property.format === "bool" ? [] : choices, unit: property.unit }, value);
}

export function isColour(property: PropertyView): boolean {
  return property.unit === "rgb" || property.feature === "color";
}

const STEPS_OF_SLIDER = 2_000;
/** A slider is for what a finger can hit; a longer range is typed. */
export function slides(property: PropertyView): boolean {
  if (property.range === null || property.format === "string" || property.format === "bool") return false;
  const [lowest, highest, step] = property.range;
  return (highest - lowest) / (step || 1) <= STEPS_OF_SLIDER || property.unit === "kelvin";
}
