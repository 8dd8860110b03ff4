/** Short words at the edge of the page: what was refused and what to do, or what can be undone. */
import { Refused, Said, Unreachable } from "@/api/client";
import { t } from "@/state/preferences.svelte";

export interface Toast {
  id: number;
  tone: "plain" | "care";
  text: string;
  next: string;
  act: { label: string; run: () => void } | null;
}

const SHOWN_FOR = 6_000;
const MOST = 3;

class Toasts {
  all = $state<Toast[]>([]);
  #number = 0;

  say(text: string, act: Toast["act"] = null): void {
    this.#add({ tone: "plain", text, next: "", act });
  }

  /** In the hub's own words where it gave some. */
  refuse(error: unknown): void {
    const [text, next] = told(error);
    this.#add({ tone: "care", text, next, act: null });
  }

  close(id: number): void {
    this.all = this.all.filter((each) => each.id !== id);
  }

  #add(toast: Omit<Toast, "id">): void {
    const same = this.all.find((each) => each.text === toast.text);
    if (same !== undefined) this.close(same.id);
    const id = ++this.#number;
    this.all = [...this.all.slice(1 - MOST), { id, ...toast }];
    setTimeout(() => this.close(id), toast.act === null ? SHOWN_FOR : SHOWN_FOR * 2);
  }
}

/** An error as two sentences: what it is, and what to do next. */
export function told(error: unknown): [string, string] {
  if (error instanceof Refused) return [error.sentence, error.next];
  if (error instanceof Unreachable) return [t("ui.unreachable"), t("ui.unreachable.next")];
  if (error instanceof Said) return [error.message, ""];
  console.error(error);
  return [t("ui.fault"), t("ui.fault.next")];
}

export const toasts = new Toasts();
