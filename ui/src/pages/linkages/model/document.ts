/**
 * A linkage as the plain document that the hub's parser reads, and the tree of its parts. Every change makes a new
 * document that shares what did not change, so a step back is the document before.
 */
export type Plain = null | boolean | number | string | Plain[] | Doc;
export interface Doc {
  [key: string]: Plain;
}
export type Role = "trigger" | "condition" | "step";
export type At = readonly (string | number)[];

/** One part: where it stands in the document, and how the hub calls that place in traces and problems. */
export interface PartNode {
  role: Role;
  at: At;
  path: string;
  value: Plain;
}
/** `heading` is the word before it: when, if, then, else… */
export interface ListNode {
  role: Role;
  heading: Heading;
  at: At;
  path: string;
  nodes: PartNode[];
  /** Which of several alike it is, from 1; 0 for the only one. */
  number: number;
}
export type Heading = "when" | "if" | "then" | "else" | "until" | "while" | "all" | "any" | "none" | "branch" | "steps";

export function isDoc(value: Plain | undefined): value is Doc {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
export function same(one: Plain | undefined, other: Plain | undefined): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
export function listOf(value: Plain | undefined): Plain[] {
  return value === undefined || value === null ? [] : Array.isArray(value) ? value : [value];
}
/** A list of one is written as the one, as people write it. */
export function oneOf(values: readonly Plain[]): Plain {
  return values.length === 1 ? (values[0] ?? null) : [...values];
}
/** The key in use of several spellings, else the first. */
function keyOf(doc: Doc, ...names: [string, ...string[]]): string {
  return names.find((name) => name in doc) ?? names[0];
}

export const GROUPS = ["and", "or", "not"] as const;
const CONDITION_KEYS = ["condition", ...GROUPS];
const STEP_KEYS = [
  "action", "service", "service_template", "set", "act", "scene", "delay", "wait_for_trigger", "wait_template",
  "choose", "if", "repeat", "parallel", "sequence", "variables", "stop", "event",
] as const;
const HELPER_SERVICE = /^(input_boolean|counter|timer)\./;
/** What is written as text and may hold a template. */
export const RAW = "raw";

export function isTemplate(value: Plain | undefined): boolean {
  return typeof value === "string" && /\{[{%#]/.test(value);
}
export function isConditionStep(value: Plain): boolean {
  return isTemplate(value) || (isDoc(value) && CONDITION_KEYS.some((key) => key in value));
}

/** "state", "sun", "and", "service", "if"…; RAW for what no form knows. */
export function kindOf(value: Plain, role: Role): string {
  if (role === "trigger") {
    const kind = isDoc(value) ? (value["trigger"] ?? value["platform"]) : null;
    return kind === "start" ? "homeassistant" : typeof kind === "string" ? kind : RAW;
  }
  if (role === "condition" || isConditionStep(value)) return conditionKind(value);
  if (!isDoc(value)) return RAW;
  const key = STEP_KEYS.find((each) => each in value);
  if (key === undefined) return RAW;
  if (key !== "action" && key !== "service" && key !== "service_template") return key;
  const service = String(value[key]);
  if (service === "notify" || service.startsWith("notify.")) return "notify";
  if (service === "scene.turn_on") return "scene";
  return HELPER_SERVICE.test(service) ? "helper" : service === "property.set" ? RAW : "service";
}
function conditionKind(value: Plain): string {
  if (typeof value === "string") return "template";
  if (!isDoc(value)) return RAW;
  const short = GROUPS.find((key) => key in value);
  if (short !== undefined) return short;
  const kind = value["condition"] ?? value["platform"];
  return isTemplate(kind) ? RAW : typeof kind === "string" ? kind : RAW;
}

/** Lists where lists are meant, so that every part has a place of its own. What it says stays the same. */
export function evened(document: Doc): Doc {
  const even = { ...document };
  for (const [key, other, role] of [
    ["triggers", "trigger", "trigger"],
    ["conditions", "condition", "condition"],
    ["actions", "action", "step"],
  ] as const) {
    const used = keyOf(even, key, other);
    if (used in even) even[used] = evenList(even[used], role);
  }
  return even;
}
function evenList(value: Plain | undefined, role: Role): Plain[] {
  if (role === "trigger") return flatTriggers(value);
  return listOf(value).map((each) => evenPart(each, role));
}
function flatTriggers(value: Plain | undefined): Plain[] {
  return listOf(value).flatMap((each) => {
    if (Array.isArray(each)) return flatTriggers(each);
    return isDoc(each) && Object.keys(each).length === 1 && "triggers" in each ? flatTriggers(each["triggers"]) : [each];
  });
}
function evenPart(value: Plain, role: Role): Plain {
  if (Array.isArray(value))
    return role === "condition" ? { and: evenList(value, role) } : { sequence: evenList(value, role) };
  if (!isDoc(value)) return value;
  const even = { ...value };
  const list = (key: string, of: Role): void => {
    if (key in even) even[key] = evenList(even[key], of);
  };
  const kind = kindOf(value, role);
  if (role === "condition" || isConditionStep(value)) {
    if (GROUPS.some((key) => key === kind)) list(kind in even ? kind : "conditions", "condition");
    return even;
  }
  if (kind === "wait_for_trigger") list(kind, "trigger");
  if (kind === "if") {
    list("if", "condition");
    list("then", "step");
    list("else", "step");
  }
  if (kind === "sequence") list(kind, "step");
  if (kind === "choose") {
    even["choose"] = listOf(even["choose"]).map((each) => (isDoc(each) ? evenChoice(each) : each));
    list("default", "step");
  }
  if (kind === "parallel")
    even["parallel"] = listOf(even["parallel"]).map((each) =>
      isDoc(each) && "sequence" in each && Object.keys(each).every((key) => ["sequence", "alias", "enabled"].includes(key))
        ? { ...each, sequence: evenList(each["sequence"], "step") }
        : { sequence: evenList(Array.isArray(each) ? each : [each], "step") },
    );
  const inner = even["repeat"];
  if (kind === "repeat" && isDoc(inner)) {
    const repeat = { ...inner };
    for (const key of ["while", "until"]) if (key in repeat) repeat[key] = evenList(repeat[key], "condition");
    if ("sequence" in repeat) repeat["sequence"] = evenList(repeat["sequence"], "step");
    even["repeat"] = repeat;
  }
  return even;
}
function evenChoice(choice: Doc): Doc {
  const key = keyOf(choice, "conditions", "condition");
  return { ...choice, [key]: evenList(choice[key], "condition"), sequence: evenList(choice["sequence"], "step") };
}

/** when, if, then. */
export function roots(document: Doc): [ListNode, ListNode, ListNode] {
  return [
    listNode(document, [keyOf(document, "triggers", "trigger")], "trigger", "trigger", "when"),
    listNode(document, [keyOf(document, "conditions", "condition")], "condition", "condition", "if"),
    listNode(document, [keyOf(document, "actions", "action")], "action", "step", "then"),
  ];
}
function listNode(document: Doc, at: At, path: string, role: Role, heading: Heading, number = 0): ListNode {
  const values = listOf(get(document, at));
  const nodes = values.map((value, index): PartNode => ({ role, at: [...at, index], path: `${path}/${index}`, value }));
  return { role, heading, at, path, nodes, number };
}

/** The lists within a part, each addable to, in the order they are read. */
export function inside(document: Doc, node: PartNode): ListNode[] {
  const { value, at, path } = node;
  if (!isDoc(value)) return [];
  const kind = kindOf(value, node.role);
  const list = (key: string, place: string, role: Role, heading: Heading): ListNode =>
    listNode(document, [...at, ...key.split("/")], `${path}/${place}`, role, heading);
  switch (kind) {
    case "and":
    case "or":
    case "not": {
      const heading = kind === "and" ? "all" : kind === "or" ? "any" : "none";
      return [list(kind in value ? kind : "conditions", "conditions", "condition", heading)];
    }
    case "wait_for_trigger":
      return [list(kind, kind, "trigger", "until")];
    case "if":
      return [
        list("if", "if/condition", "condition", "if"),
        list("then", "then", "step", "then"),
        list("else", "else", "step", "else"),
      ];
    case "sequence":
      return [list(kind, kind, "step", "steps")];
    case "repeat":
      return [
        ...(["while", "until"] as const)
          .filter((key) => isDoc(value["repeat"]) && key in value["repeat"])
          .map((key) => list(`repeat/${key}`, `repeat/${key}`, "condition", key)),
        list("repeat/sequence", "repeat/sequence", "step", "steps"),
      ];
    case "parallel":
      return listOf(value["parallel"]).map((_, index) =>
        listNode(document, [...at, "parallel", index, "sequence"], `${path}/parallel/${index}/sequence`, "step", "branch", index + 1),
      );
    case "choose":
      return [
        ...listOf(value["choose"]).flatMap((choice, index) => {
          const key = isDoc(choice) ? keyOf(choice, "conditions", "condition") : "conditions";
          const place = [...at, "choose", index];
          return [
            listNode(document, [...place, key], `${path}/choose/${index}/conditions`, "condition", "if", index + 1),
            listNode(document, [...place, "sequence"], `${path}/choose/${index}/sequence`, "step", "then", index + 1),
          ];
        }),
        list("default", "default", "step", "else"),
      ];
  }
  return [];
}

export function walk(document: Doc, visit: (node: PartNode) => void): void {
  const go = (list: ListNode): void => {
    for (const node of list.nodes) {
      visit(node);
      inside(document, node).forEach(go);
    }
  };
  roots(document).forEach(go);
}

export function get(value: Plain | undefined, at: At): Plain | undefined {
  let found = value;
  for (const key of at) {
    if (Array.isArray(found)) found = found[Number(key)];
    else found = isDoc(found) ? found[key] : undefined;
  }
  return found;
}

/** The same document with `value` at that place; undefined takes the place away. */
export function put(document: Doc, at: At, value: Plain | undefined): Doc {
  return putIn(document, at, value) as Doc;
}
function putIn(whole: Plain | undefined, at: At, value: Plain | undefined): Plain | undefined {
  const [key, ...rest] = at;
  if (key === undefined) return value;
  if (typeof key === "number") {
    const items = [...listOf(whole)];
    const put = putIn(items[key], rest, value);
    if (put === undefined) items.splice(key, 1);
    else items[key] = put;
    return items;
  }
  const made: Doc = isDoc(whole) ? { ...whole } : {};
  const put = putIn(made[key], rest, value);
  if (put === undefined) delete made[key];
  else made[key] = put;
  return made;
}
export function add(document: Doc, list: At, value: Plain, place?: number): Doc {
  const items = [...listOf(get(document, list))];
  items.splice(place ?? items.length, 0, value);
  return put(document, list, items);
}
/** Takes a part out; a list that nothing needs goes with its last part. */
export function remove(document: Doc, at: At): Doc {
  const without = put(document, at, undefined);
  const list = at.slice(0, -1);
  const optional = ["conditions", "condition", "else", "default"].includes(String(list.at(-1))) && !list.includes("choose");
  return optional && listOf(get(without, list)).length === 0 ? put(without, list, undefined) : without;
}
export function move(document: Doc, at: At, by: number): Doc {
  const list = at.slice(0, -1);
  const items = [...listOf(get(document, list))];
  const from = Number(at.at(-1));
  const [taken] = items.splice(from, 1);
  if (taken === undefined) return document;
  items.splice(from + by, 0, taken);
  return put(document, list, items);
}
