/** One's own tiles: pinned, hidden, in which order. Shown at once, saved whole. */
import { api } from "@/api/client";
import type { HomeView } from "@/api/types";
import { home } from "@/state/home.svelte";
import { toasts } from "@/state/toasts.svelte";

export type Tiles = HomeView["tiles"];

export async function saveTiles(tiles: Tiles): Promise<boolean> {
  const before = home.view;
  if (before === null) return false;
  home.view = { ...before, tiles };
  try {
    await api.arrange("ArrangeTiles", { ...tiles });
    return true;
  } catch (error) {
    if (home.view !== null) home.view = { ...home.view, tiles: before.tiles };
    toasts.refuse(error);
    return false;
  }
}

const toggled = (list: readonly string[], thing: string): string[] =>
  list.includes(thing) ? list.filter((each) => each !== thing) : [...list, thing];
const without = (list: readonly string[], thing: string): string[] => list.filter((each) => each !== thing);

/** What is pinned is not hidden, and the other way round. */
export function pin(tiles: Tiles, thing: string): Tiles {
  return { ...tiles, pinned: toggled(tiles.pinned, thing), hidden: without(tiles.hidden, thing) };
}

export function hide(tiles: Tiles, thing: string): Tiles {
  return { ...tiles, hidden: toggled(tiles.hidden, thing), pinned: without(tiles.pinned, thing) };
}
