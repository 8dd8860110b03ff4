/** What happened, newest first: read in pages, and looked at again when something new is written down. */
import { api, query } from "@/api/client";
import { live } from "@/api/live";
import type { Entry } from "@/api/types";
import { toasts } from "@/state/toasts.svelte";

const PAGE = 40;
const PATIENCE = 8; // pages without an entry that are read on, when it is looked for something rare
const LOOK_AGAIN_AFTER = 700; // what a linkage did is told together: its facts come one after another

export interface Filter {
  member: string;
  thing: string;
  linkage: string;
}

interface Answer {
  entries: Entry[];
  next: string;
}

export class Entries {
  all = $state.raw<Entry[]>([]);
  next = $state("");
  reading = $state(true);
  #filter: Filter;
  #unlisten: () => void;
  #again: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(filter: Filter) {
    this.#filter = filter;
    this.#unlisten = live.listen((event) => {
      if (event.name === "told" || event.name === "gap") this.#later();
    });
    void this.#read("");
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#again);
    this.#unlisten();
  }

  more(): Promise<void> {
    return this.#read(this.next);
  }

  #later(): void {
    this.#again ??= setTimeout(() => {
      this.#again = undefined;
      void this.#read("");
    }, LOOK_AGAIN_AFTER);
  }

  async #read(before: string): Promise<void> {
    this.reading = true;
    try {
      let answer = await this.#ask(before);
      for (let turn = 0; turn < PATIENCE && answer.entries.length === 0 && answer.next !== ""; turn++)
        answer = await this.#ask(answer.next);
      if (this.#closed) return;
      if (before === "") this.#takeNewest(answer);
      else {
        this.all = [...this.all, ...answer.entries];
        this.next = answer.next;
      }
    } catch (error) {
      if (!this.#closed) toasts.refuse(error);
    } finally {
      this.reading = false;
    }
  }

  #ask(before: string): Promise<Answer> {
    return api.get<Answer>(`/api/activity${query({ before, limit: PAGE, ...this.#filter })}`);
  }

  /** What is older and known already stays, unless there is a gap between. */
  #takeNewest(answer: Answer): void {
    const oldest = answer.entries.at(-1);
    const joins = this.all.findIndex((each) => each.id === oldest?.id);
    if (joins >= 0) this.all = [...answer.entries, ...this.all.slice(joins + 1)];
    else {
      this.all = answer.entries;
      this.next = answer.next;
    }
  }
}
