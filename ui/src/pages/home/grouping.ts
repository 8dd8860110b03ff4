/** What stands where on Home: what is pinned first, then storey by storey and room by room. */
import type { HomeView, RoomView, StoreyView } from "@/api/types";
import type { Thing } from "@/state/home.svelte";

export interface Group {
  /** A room's id; "" is what has no room, "*" what is pinned. */
  id: string;
  name: string;
  things: Thing[];
}
export interface Storey {
  id: string;
  name: string;
  groups: Group[];
}

export const PINNED = "*";
/** What hardly anybody wants to see every day; pinning shows it. */
const HIDDEN_TYPES = new Set(["gateway"]);
const FIRST = ["light", "strip", "purifier", "curtain", "climate", "fan", "vacuum", "lock", "camera", "appliance", "speaker", "switch", "sensor"];

/** Whether it is not on Home: put away by hand, or by its kind. */
export function isAside(thing: Thing, { pinned, hidden }: HomeView["tiles"]): boolean {
  return hidden.includes(thing.id) || (HIDDEN_TYPES.has(thing.summary.type) && !pinned.includes(thing.id));
}

function weight(thing: Thing): number {
  const found = FIRST.indexOf(thing.tile);
  return found === -1 ? FIRST.length : found;
}

/** `all` shows what is hidden too, as for editing. Words for groups without a name of their own are the caller's. */
export function grouped(
  view: HomeView,
  things: Iterable<Thing>,
  words: { pinned: string; elsewhere: string },
  all = false,
): Storey[] {
  const { pinned, order } = view.tiles;
  const place = new Map(order.map((id, number) => [id, number]));
  const inOrder = (one: Thing, other: Thing): number =>
    (place.get(one.id) ?? Infinity) - (place.get(other.id) ?? Infinity) ||
    weight(one) - weight(other) ||
    one.summary.added - other.summary.added;
  const known = new Map([...things].map((thing) => [thing.id, thing]));
  const shown = [...known.values()].filter((thing) => all || !isAside(thing, view.tiles));
  const rest = shown.filter((thing) => !pinned.includes(thing.id)).sort(inOrder);
  const group = (room: RoomView): Group => ({
    id: room.id,
    name: room.name,
    things: rest.filter((thing) => thing.summary.room === room.id),
  });
  const rooms = new Set(view.rooms.map((each) => each.id));
  const storeys: Storey[] = [...view.storeys]
    .sort((one: StoreyView, other: StoreyView) => one.level - other.level)
    .map((storey) => ({ id: storey.id, name: storey.name, groups: view.rooms.filter((room) => room.storey === storey.id).map(group) }));
  const placed = new Set(view.storeys.map((each) => each.id));
  const loose = view.rooms.filter((room) => !placed.has(room.storey)).map(group);
  const elsewhere = rest.filter((thing) => !rooms.has(thing.summary.room));
  if (elsewhere.length > 0) loose.push({ id: "", name: words.elsewhere, things: elsewhere });
  const first = pinned.flatMap((id) => known.get(id) ?? []);
  const front: Group[] = first.length > 0 ? [{ id: PINNED, name: words.pinned, things: first }] : [];
  return [{ id: PINNED, name: "", groups: front }, ...storeys, { id: "", name: "", groups: loose }]
    .map((storey) => ({ ...storey, groups: storey.groups.filter((each) => each.things.length > 0) }))
    .filter((storey) => storey.groups.length > 0);
}
