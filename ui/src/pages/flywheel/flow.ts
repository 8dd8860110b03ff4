/** The geometry of the flow of money from touchpoints (left) to what earns (right). */
import { COLOURS, few } from "@/pages/flywheel/report";

const MOST_LEFT = 8;
const MOST_RIGHT = COLOURS + 1; // the last for all others
const GAP = 18; // or twice, where names need two lines

interface Side {
  name: string;
  amount: number;
  top: number;
  tall: number;
}

interface Ribbon {
  from: string;
  to: string;
  amount: number;
  y1: number;
  y2: number;
  thick: number;
}

export interface Flowed {
  total: number;
  /** What nothing earlier explains; it is not drawn. */
  nothing: number;
  left: [string, number][];
  right: [string, number][];
  drawn: (height: number, lines: number) => { left: Side[]; right: Side[]; ribbons: Ribbon[] };
}

/** earner -> what came before ("" is nothing) -> amount. */
export function flowed(flows: Record<string, Record<string, number>>, others: string): Flowed {
  const each = Object.entries(flows).flatMap(([to, by]) => Object.entries(by).map(([from, amount]) => ({ from, to, amount })));
  const nothing = each.filter(({ from }) => from === "").reduce((sum, { amount }) => sum + amount, 0);
  const some = each.filter(({ from, amount }) => from !== "" && amount > 0);
  const lefts = few(summed(some.map(({ from, amount }) => [from, amount])), MOST_LEFT, others);
  const rights = few(summed(some.map(({ to, amount }) => [to, amount])), MOST_RIGHT, others);
  const merged = new Map<string, Map<string, number>>();
  for (const { from, to, amount } of some) {
    const [left, right] = [lefts.get(from) ?? others, rights.get(to) ?? others];
    const row = merged.get(left) ?? new Map<string, number>();
    merged.set(left, row.set(right, (row.get(right) ?? 0) + amount));
  }
  const left = ranked([...merged].map(([name, row]) => [name, [...row.values()].reduce((sum, amount) => sum + amount, 0)]));
  const right = ranked([...merged.values()].flatMap((row) => [...row]));
  const total = left.reduce((sum, [, amount]) => sum + amount, 0);

  function drawn(height: number, lines: number): ReturnType<Flowed["drawn"]> {
    const scale = (height - lines * GAP * (Math.max(left.length, right.length) - 1)) / total;
    const [from, to] = [sides(left, scale, height), sides(right, scale, height)];
    const used = new Map([...from, ...to].map((side) => [side, side.top]));
    const ribbons = from.flatMap((one) =>
      to.flatMap((other) => {
        const amount = merged.get(one.name)?.get(other.name) ?? 0;
        if (amount === 0) return [];
        const [y1, y2, thick] = [used.get(one) ?? 0, used.get(other) ?? 0, amount * scale];
        used.set(one, y1 + thick).set(other, y2 + thick);
        return [{ from: one.name, to: other.name, amount, y1, y2, thick }];
      }),
    );
    return { left: from, right: to, ribbons };
  }
  return { total, nothing, left, right, drawn };
}

function summed(amounts: [string, number][]): Map<string, number> {
  const found = new Map<string, number>();
  for (const [name, amount] of amounts) found.set(name, (found.get(name) ?? 0) + amount);
  return found;
}

const ranked = (amounts: [string, number][]): [string, number][] => [...summed(amounts)].sort((one, other) => other[1] - one[1]);

/** Spread over the whole height, the largest on top. */
function sides(amounts: readonly [string, number][], scale: number, height: number): Side[] {
  const free = height - scale * amounts.reduce((sum, [, amount]) => sum + amount, 0);
  const gap = amounts.length > 1 ? free / (amounts.length - 1) : 0;
  let at = amounts.length > 1 ? 0 : free / 2;
  return amounts.map(([name, amount]) => {
    const side = { name, amount, top: at + 4, tall: amount * scale };
    at += side.tall + gap;
    return side;
  });
}

export function ribbon(x1: number, y1: number, x2: number, y2: number, thick: number): string {
  const [half, wide] = [(x1 + x2) / 2, Math.max(thick, 0.6)];
  const f = (value: number): string => value.toFixed(1);
  return `M${f(x1)} ${f(y1)}C${f(half)} ${f(y1)} ${f(half)} ${f(y2)} ${f(x2)} ${f(y2)}v${wide.toFixed(2)}C${f(half)} ${f(y2 + wide)} ${f(half)} ${f(y1 + wide)} ${f(x1)} ${f(y1 + wide)}Z`;
}
