/** One linkage being edited: its document with every step back, what the hub says of it, and its text. */
import { api } from "@/api/client";
import type { Drafts, LinkageFull, Part, Parts, Told } from "@/api/types";
import { add, evened, isDoc, move, put, remove, same, walk, type At, type Doc, type Plain } from "./document";
import { linkages } from "./list.svelte";

const CHECK_AFTER = 250;
const MOST_BACK = 100;
const NOTHING: Doc = { alias: "", triggers: [], actions: [] };

export type Form = "sentences" | "text";

export class Editing {
  document = $state.raw<Doc>(NOTHING);
  form = $state<Form>("sentences");
  text = $state("");
  checked = $state.raw<Drafts | null>(null);
  checking = $state(false);
  saving = $state(false);
  /** Whether what is here is no longer wanted as a draft. */
  saved = false;
  /** What was said of a part, by the part itself: it stays with it wherever it moves. */
  #told = $state.raw<ReadonlyMap<string, Part>>(new Map());
  #back = $state.raw<readonly Doc[]>([]);
  #forth = $state.raw<readonly Doc[]>([]);
  #savedDocument = $state.raw<Doc>(NOTHING);
  #savedText = $state("");
  #textOf: Doc | null = null;
  #later: ReturnType<typeof setTimeout> | undefined;
  #asked = 0;

  /** Of a saved linkage, or of a new one. */
  constructor(
    readonly id: string,
    full: LinkageFull | null,
  ) {
    if (full === null) return;
    this.document = this.#savedDocument = isDoc(full.document as Plain) ? evened(full.document as Doc) : NOTHING;
    this.text = this.#savedText = full.source;
    this.#textOf = this.document;
    this.#learn(this.document, full.parts);
  }

  get dirty(): boolean {
    if (this.form === "text") return this.text !== this.#savedText || !same(this.document, this.#savedDocument);
    return !same(this.document, this.#savedDocument);
  }
  get mayUndo(): boolean {
    return this.#back.length > 0;
  }
  get mayRedo(): boolean {
    return this.#forth.length > 0;
  }
  /** Problems that stand with no part: of the text, of the linkage as a whole. */
  get problems(): readonly Told[] {
    if (this.checked === null) return [];
    const placed = new Set<string>();
    for (const part of flat(this.checked.drafts[0]?.parts)) for (const each of part.problems) placed.add(key(each));
    const draft = this.checked.drafts[0];
    return [...this.checked.problems, ...(draft?.problems ?? []).filter((each) => !placed.has(key(each)))];
  }
  get everyProblem(): readonly Told[] {
    return this.checked === null ? [] : [...this.checked.problems, ...this.checked.drafts.flatMap((each) => each.problems)];
  }
  get ok(): boolean {
    return this.checked?.ok ?? true;
  }
  get alias(): string {
    return typeof this.document["alias"] === "string" ? this.document["alias"] : "";
  }

  /** What is shown, as the hub reads it. */
  get asked(): string {
    return this.form === "text" ? this.text : JSON.stringify(this.document);
  }

  told(value: Plain): Part | undefined {
    return this.#told.get(JSON.stringify(value));
  }

  change(document: Doc): void {
    if (same(document, this.document)) return;
    this.#back = [...this.#back.slice(-MOST_BACK), this.document];
    this.#forth = [];
    this.document = document;
    this.check();
  }
  put(at: At, value: Plain | undefined): void {
    this.change(put(this.document, at, value));
  }
  add(list: At, ...values: Plain[]): void {
    this.change(values.reduce<Doc>((document, value) => add(document, list, value), this.document));
  }
  remove(at: At): void {
    this.change(remove(this.document, at));
  }
  move(at: At, by: number): void {
    this.change(move(this.document, at, by));
  }
  undo(): void {
    const before = this.#back.at(-1);
    if (before === undefined) return;
    this.#forth = [...this.#forth, this.document];
    this.#back = this.#back.slice(0, -1);
    this.document = before;
    this.check();
  }
  redo(): void {
    const next = this.#forth.at(-1);
    if (next === undefined) return;
    this.#back = [...this.#back, this.document];
    this.#forth = this.#forth.slice(0, -1);
    this.document = next;
    this.check();
  }
  discard(): void {
    this.#back = this.#forth = [];
    this.document = this.#savedDocument;
    this.text = this.#savedText;
    this.#textOf = this.#savedDocument;
    this.checked = null;
    clearTimeout(this.#later);
    this.#asked++;
  }

  write(text: string): void {
    this.text = text;
    this.check();
  }

  /** The other form of the same linkage. Raises Refused when the text cannot be told as sentences. */
  async show(form: Form): Promise<void> {
    if (form === this.form) return;
    if (form === "text") {
      if (this.#textOf === null || !same(this.#textOf, this.document)) this.text = await this.#asText();
    } else {
      const { documents } = await api.post<{ documents: Plain[] }>("/api/linkages/document", { text: this.text });
      const [only] = documents;
      if (documents.length !== 1 || !isDoc(only)) throw new NotOne(documents.length);
      const document = evened(only);
      if (!same(document, this.document)) this.change(document);
    }
    this.#textOf = this.document;
    this.form = form;
    this.check();
  }

  async #asText(): Promise<string> {
    return (await api.post<{ text: string }>("/api/linkages/yaml", { document: this.document })).text;
  }

  check(): void {
    clearTimeout(this.#later);
    this.checking = true;
    const asked = ++this.#asked;
    this.#later = setTimeout(() => void this.#check(asked), CHECK_AFTER);
  }
  async #check(asked: number): Promise<void> {
    const { document, form } = this;
    try {
      const found = await api.post<Drafts>("/api/linkages/check", { text: this.asked });
      if (asked !== this.#asked) return;
      if (form === "sentences" && found.drafts[0] !== undefined) this.#learn(document, found.drafts[0].parts);
      this.checked = found;
    } catch {
      // Saving will say what is the matter.
    } finally {
      if (asked === this.#asked) this.checking = false;
    }
  }

  #learn(document: Doc, parts: Parts): void {
    const byPath = new Map(flat(parts).map((part) => [part.path, part]));
    const told = new Map<string, Part>();
    walk(document, ({ path, value }) => {
      const part = byPath.get(path);
      if (part !== undefined) told.set(JSON.stringify(value), part);
    });
    // What was known of parts that are in no document now comes back with a step back.
    this.#told = new Map([...this.#told, ...told]);
  }

  /** Saves it as what is shown, and gives its id. Raises Refused. */
  async save(): Promise<string> {
    this.saving = true;
    try {
      const text = this.form === "text" ? this.text : await this.#textToSave();
      const { saved } = await api.post<{ saved: string[] }>("/api/linkages", { text });
      this.saved = true;
      await linkages.read();
      return saved[0] ?? this.id;
    } finally {
      this.saving = false;
    }
  }

  /** An edited linkage keeps its id whatever it is called now; a new one takes none that there is. */
  async #textToSave(): Promise<string> {
    const id = this.id !== "" ? this.id : await this.#freeId();
    const document = id === this.document["id"] ? this.document : { id, ...this.document, ...(id ? { id } : {}) };
    if (id === "") delete document["id"];
    const { text } = await api.post<{ text: string }>("/api/linkages/yaml", { document });
    return text;
  }
  async #freeId(): Promise<string> {
    const found = await api.post<Drafts>("/api/linkages/check", { text: JSON.stringify(this.document) });
    const wanted = found.drafts[0]?.id ?? "";
    if (linkages.find(wanted) === undefined) return wanted;
    for (let number = 2; ; number++) {
      const free = `${wanted}_${number}`;
      if (linkages.find(free) === undefined) return free;
    }
  }
}

/** Something that a linkage under way does not have yet is nothing wrong. */
export function isMissing(told: Told): boolean {
  return told.code === "empty_list" && told.path === "";
}

/** The text holds no linkage, or several. */
export class NotOne extends Error {
  constructor(readonly count: number) {
    super(String(count));
  }
}

function flat(parts: Parts | undefined): Part[] {
  return parts === undefined ? [] : [...parts.triggers, ...parts.conditions, ...parts.actions];
}
function key(told: Told): string {
  return `${told.code} ${told.path} ${told.line} ${told.column} ${told.sentence}`;
}
