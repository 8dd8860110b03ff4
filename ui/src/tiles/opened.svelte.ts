/** What lies over the page: a thing's sheet (its address is `#thing=ID`, so that going back closes it), or a question. */
import { route } from "@/state/route.svelte";

const MARK = "#thing=";

export interface Question {
  title: string;
  text: string;
  act: string;
  run: () => void;
}

class Opened {
  question = $state.raw<Question | null>(null);
  #pushed = false;

  get thing(): string {
    return route.hash.startsWith(MARK) ? decodeURIComponent(route.hash.slice(MARK.length)) : "";
  }

  open(thing: string): void {
    history.pushState(null, "", MARK + encodeURIComponent(thing));
    route.hash = location.hash;
    this.#pushed = true;
  }

  close(): void {
    if (this.#pushed) history.back();
    else {
      history.replaceState(null, "", location.pathname);
      route.hash = "";
    }
    this.#pushed = false;
  }

  ask(question: Question): void {
    this.question = question;
  }

  answered(): void {
    this.question = null;
  }
}

export const opened = new Opened();
