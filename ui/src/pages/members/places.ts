/** The rooms and things of a right, by name. */
import { home } from "@/state/home.svelte";
import { t } from "@/state/preferences.svelte";

export function placesOf(where: { rooms: readonly string[]; things: readonly string[] }): string {
  const rooms = where.rooms.map((id) => home.view?.rooms.find((each) => each.id === id)?.name ?? id);
  const things = where.things.map((id) => home.thing(id)?.name ?? id);
  const all = [...rooms.map((name) => t("ui_members.whole_room", { name })), ...things];
  return all.length === 0 ? t("ui_members.everywhere") : all.join(t("ui_members.comma"));
}
