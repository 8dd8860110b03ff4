/** Every sentence of the interface, from the one catalogue. A page's room is read with the page. */
import type { Language } from "@/words/language";
import type { Key } from "@/words/keys";

type Sentences = Record<string, string>;

const files = import.meta.glob<Sentences>("@words/ui*.json", { import: "default" });
const read = new Map<Language, Sentences>();

/** Rooms as in `ui_home`. Reads what has not been read yet. */
export async function readRooms(language: Language, rooms: readonly string[]): Promise<void> {
  const known = read.get(language) ?? {};
  const wanted = rooms.filter((room) => !(`#${room}` in known));
  const found = await Promise.all(
    wanted.map(async (room): Promise<Sentences> => {
      const file = Object.entries(files).find(([path]) => path.endsWith(`/${room}.${language}.json`));
      return { ...(file === undefined ? {} : await file[1]()), [`#${room}`]: "" };
    }),
  );
  read.set(language, Object.assign(known, ...found));
}

export function sentence(language: Language, key: Key, parameters: Record<string, string | number> = {}): string {
  const found = read.get(language)?.[key];
  if (found === undefined) return key;
  return found.replace(/\{([a-z0-9_]+)\}/g, (_, name: string) => String(parameters[name] ?? "…"));
}
