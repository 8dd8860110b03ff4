/** Who is in front of the page. */
import { api, whenSignInNeeded } from "@/api/client";
import type { SessionView } from "@/api/types";
import { preferences } from "@/state/preferences.svelte";

const SIGNED_IN = "setaria-signed-in";

/** Whether somebody was when this browser was last here: then the home may be asked for at once. */
export function wasSignedIn(): boolean {
  try {
    return localStorage.getItem(SIGNED_IN) !== null;
  } catch {
    return false;
  }
}

function rememberSignedIn(signedIn: boolean): void {
  try {
    if (signedIn) localStorage.setItem(SIGNED_IN, "1");
    else localStorage.removeItem(SIGNED_IN);
  } catch {
    // A private window asks a moment later.
  }
}

class Session {
  view = $state.raw<SessionView | null>(null);
  #ended = new Set<() => void>();

  constructor() {
    whenSignInNeeded(() => void this.read());
  }

  get state(): string {
    return this.view?.state ?? "unknown";
  }

  /** Whether the person may do this at least somewhere; a route still asks for the very thing. */
  may(act: string): boolean {
    return (this.view?.acts as readonly string[] | undefined)?.includes(act) ?? false;
  }

  /** Raises Unreachable. */
  async read(): Promise<void> {
    this.take(await api.get<SessionView>("/api/session"));
  }

  take(view: SessionView): void {
    const before = this.view;
    this.view = view;
    rememberSignedIn(view.state === "signed_in");
    if (view.member?.role === "elder" && !preferences.sizeChosen) preferences.useSize("elder", false);
    if (before?.state === "signed_in" && view.state !== "signed_in") for (const act of this.#ended) act();
  }

  /** What to forget when the person leaves. */
  whenEnded(act: () => void): void {
    this.#ended.add(act);
  }

  async signOut(): Promise<void> {
    await api.post("/api/session/sign-out");
    await this.read();
  }
}

export const session = new Session();
