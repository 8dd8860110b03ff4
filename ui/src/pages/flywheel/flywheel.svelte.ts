/** What the hub tells of the flywheel, and what is asked of it. */
import { api, query } from "@/api/client";
import type { FitView, FlywheelView, KeptReport } from "@/api/types";
import type { Report, Shown } from "@/pages/flywheel/report";
import { toasts } from "@/state/toasts.svelte";

const EACH = 1_500; // milliseconds between two looks at a fit

export class Flywheel {
  view = $state.raw<FlywheelView | null>(null);
  fit = $state.raw<FitView | null>(null);
  refused = $state.raw<unknown>(null);
  #report = "";
  #timer: ReturnType<typeof setTimeout> | undefined;
  #over = false;

  get report(): Report | null {
    return (this.view?.report ?? null) as Report | null;
  }

  get shown(): Shown | null {
    return (this.view?.shown ?? null) as Shown | null;
  }

  async read(report = this.#report): Promise<void> {
    this.#report = report;
    try {
      const view = await api.get<FlywheelView>(`/api/flywheel${query({ report })}`);
      if (this.#over) return;
      this.view = view;
      this.fit = view.fit;
      this.refused = null;
      if (view.fit.stage !== "") this.#again();
    } catch (error) {
      this.refused = error;
    }
  }

  async begin(): Promise<void> {
    try {
      this.fit = await api.post<FitView>("/api/flywheel/fit");
      this.#again();
    } catch (error) {
      toasts.refuse(error);
    }
  }

  /** A report made elsewhere; the hub says what does not fit. */
  async give(text: string): Promise<void> {
    const kept = await api.post<KeptReport>("/api/flywheel/reports", JSON.parse(text));
    await this.read(kept.id);
  }

  async forget(id: string): Promise<void> {
    try {
      await api.delete(`/api/flywheel/reports/${id}`);
      await this.read("");
    } catch (error) {
      toasts.refuse(error);
    }
  }

  close(): void {
    this.#over = true;
    clearTimeout(this.#timer);
  }

  #again(): void {
    clearTimeout(this.#timer);
    if (!this.#over) this.#timer = setTimeout(() => void this.#look(), EACH);
  }

  async #look(): Promise<void> {
    try {
      this.fit = await api.get<FitView>("/api/flywheel/fit");
    } catch {
      // The hub is away for a moment: it is asked again.
    }
    if (this.fit?.stage !== "") this.#again();
    else await this.read(this.fit.failed === null ? "" : this.#report);
  }
}
