/** Every linkage of the home, kept up with live updates. */
import { api } from "@/api/client";
import { live } from "@/api/live";
import type { Finding, LinkageView, Linkages } from "@/api/types";

const SOON = 250;

class LinkageList {
  all = $state.raw<readonly LinkageView[] | null>(null);
  findings = $state.raw<readonly Finding[]>([]);
  /** Rises with each run that began or ended, by linkage. */
  runs = $state<Record<string, number>>({});
  #later: ReturnType<typeof setTimeout> | undefined;

  find(id: string): LinkageView | undefined {
    return this.all?.find((each) => each.id === id);
  }

  async read(): Promise<void> {
    const found = await api.get<Linkages>("/api/linkages");
    this.all = found.linkages;
    this.findings = found.findings;
  }

  /** Until the answer is called. */
  follow(failed: (error: unknown) => void): () => void {
    const again = (): void => {
      clearTimeout(this.#later);
      this.#later = setTimeout(() => void this.read().catch(failed), SOON);
    };
    again();
    const unlisten = live.listen((event) => {
      if (event.name === "arranged" || event.name === "gap" || event.name === "open") again();
      if (event.name !== "told" || !event.data.kinds.some((kind) => /\.(run_|linkage_)/.test(kind))) return;
      for (const subject of event.data.subjects) {
        if (!subject.startsWith("linkage/")) continue;
        const id = subject.slice("linkage/".length);
        this.runs[id] = (this.runs[id] ?? 0) + 1;
      }
      again();
    });
    return () => {
      unlisten();
      clearTimeout(this.#later);
    };
  }

  async turn(id: string, enabled: boolean): Promise<void> {
    const before = this.all;
    this.all = (before ?? []).map((each) => (each.id === id ? { ...each, enabled } : each));
    try {
      await api.post(`/api/linkages/${encodeURIComponent(id)}/switch`, { enabled });
    } catch (error) {
      this.all = before;
      throw error;
    }
  }
}

export const linkages = new LinkageList();
