/** Where touchpoints stand on the ring, and how each lead bends between them. */
import type { Lead } from "@/pages/flywheel/report";

export interface Node {
  name: string;
  x: number;
  y: number;
  radius: number;
}

export interface Arc {
  lead: Lead;
  path: string;
  head: string;
  thick: number;
  strength: number;
}

const MOST_LEADS = 32;
const THINNEST = 1.2;
const THICKEST = 11;

/** The touchpoints most leads run between, in the order in which they are first named. */
export function chosen(leads: readonly Lead[], most: number): string[] {
  const weight = new Map<string, number>();
  for (const each of leads)
    for (const name of new Set([each.source, each.target])) weight.set(name, (weight.get(name) ?? 0) + each.facts + 1);
  const kept = new Set([...weight].sort((one, other) => other[1] - one[1]).slice(0, most).map(([name]) => name));
  return [...weight.keys()].filter((name) => kept.has(name));
}

export function placed(names: readonly string[], counts: ReadonlyMap<string, number>, width: number, height: number, radius: number): Node[] {
  const most = Math.max(1, ...names.map((name) => counts.get(name) ?? 0));
  return names.map((name, place) => {
    const angle = (2 * Math.PI * place) / names.length - Math.PI / 2;
    const size = 7 + 13 * Math.sqrt(Math.max(0, counts.get(name) ?? 0) / most);
    return { name, x: width / 2 + radius * Math.cos(angle), y: height / 2 + radius * Math.sin(angle), radius: size };
  });
}

/** The weakest first, so that the strongest lie on top. */
export function arcs(leads: readonly Lead[], nodes: readonly Node[], width: number, height: number): Arc[] {
  const at = new Map(nodes.map((each) => [each.name, each]));
  const drawn = leads.flatMap((lead) => {
    const [start, end, brings] = [at.get(lead.source), at.get(lead.target), lead.children.value ?? 0];
    return start === undefined || end === undefined || brings <= 0 ? [] : [{ lead, start, end, brings }];
  });
  drawn.sort((one, other) => Number(one.lead.sure) - Number(other.lead.sure) || one.brings - other.brings);
  const strongest = Math.max(...drawn.map((each) => each.brings));
  return drawn.slice(-MOST_LEADS).map(({ lead, start, end, brings }) => {
    const strength = Math.sqrt(brings / strongest);
    const thick = THINNEST + (THICKEST - THINNEST) * strength;
    const [path, head] = start === end ? [turn(start, thick), ""] : curve(start, end, thick, width / 2, height / 2);
    return { lead, path, head, thick, strength };
  });
}

/** To itself: most of a circle around it. */
function turn(node: Node, thick: number): string {
  const radius = node.radius + 4 + thick / 2;
  const reach = radius * Math.SQRT1_2;
  return `M${f(node.x - reach)} ${f(node.y + reach)}A${f(radius)} ${f(radius)} 0 1 1 ${f(node.x + reach)} ${f(node.y + reach)}`;
}

/** Bent towards the middle, and a little to one side, so that there and back do not hide each other. */
function curve(start: Node, end: Node, thick: number, midX: number, midY: number): [string, string] {
  const [across, down] = [end.x - start.x, end.y - start.y];
  const [halfX, halfY] = [(start.x + end.x) / 2, (start.y + end.y) / 2];
  const bendX = halfX + 0.35 * (midX - halfX) - 0.1 * down;
  const bendY = halfY + 0.35 * (midY - halfY) + 0.1 * across;
  const head = 5 + thick * 0.9;
  const [fromX, fromY] = towards(start, bendX, bendY, start.radius + 4);
  const [tipX, tipY] = towards(end, bendX, bendY, end.radius + 3);
  const [toX, toY] = towards(end, bendX, bendY, end.radius + 3 + head);
  const [outX, outY] = [(toX - tipX) / head, (toY - tipY) / head];
  const side = 2.5 + thick * 0.75;
  const arrow = `M${f(tipX)} ${f(tipY)}L${f(toX - outY * side)} ${f(toY + outX * side)}L${f(toX + outY * side)} ${f(toY - outX * side)}Z`;
  return [`M${f(fromX)} ${f(fromY)}Q${f(bendX)} ${f(bendY)} ${f(toX)} ${f(toY)}`, arrow];
}

function towards(node: Node, x: number, y: number, distance: number): [number, number] {
  const length = Math.hypot(x - node.x, y - node.y) || 1;
  return [node.x + ((x - node.x) * distance) / length, node.y + ((y - node.y) * distance) / length];
}

const f = (value: number): string => value.toFixed(1);
