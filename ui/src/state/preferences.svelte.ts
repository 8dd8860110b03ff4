/** What this browser remembers for its person: language, light or dark, size. */
import { LANGUAGES, preferred, type Language } from "@/words/language";
import { sentence } from "@/words/say";
import type { Key } from "@/words/keys";

export type Theme = "system" | "light" | "dark";
export type Size = "usual" | "elder";

const KEPT = "setaria-preferences";
const DARK = matchMedia("(prefers-color-scheme: dark)");

interface Kept {
  language?: Language;
  theme?: Theme;
  size?: Size;
}

function kept(): Kept {
  try {
    const found = JSON.parse(localStorage.getItem(KEPT) ?? "{}") as Kept;
    return found !== null && typeof found === "object" ? found : {};
  } catch {
    return {};
  }
}

class Preferences {
  language = $state<Language>("en");
  theme = $state<Theme>("system");
  size = $state<Size>("usual");
  #systemDark = $state(DARK.matches);
  /** Whether the person chose a size; until then an elder's role decides. */
  sizeChosen = false;

  constructor() {
    const found = kept();
    this.language = LANGUAGES.find((each) => each === found.language) ?? preferred();
    this.theme = found.theme === "light" || found.theme === "dark" ? found.theme : "system";
    this.size = found.size === "elder" ? "elder" : "usual";
    this.sizeChosen = found.size !== undefined;
    DARK.addEventListener("change", (event) => {
      this.#systemDark = event.matches;
      this.#show();
    });
    this.#show();
  }

  get dark(): boolean {
    return this.theme === "dark" || (this.theme === "system" && this.#systemDark);
  }

  /** The words of `language` must have been read. */
  useLanguage(language: Language): void {
    this.language = language;
    this.#keep();
  }

  useTheme(theme: Theme): void {
    this.theme = theme;
    this.#keep();
  }

  useSize(size: Size, chosen = true): void {
    this.size = size;
    if (chosen) {
      this.sizeChosen = true;
      this.#keep();
    } else this.#show();
  }

  #keep(): void {
    const told: Kept = { language: this.language, theme: this.theme };
    if (this.sizeChosen) told.size = this.size;
    try {
      localStorage.setItem(KEPT, JSON.stringify(told));
    } catch {
      // A private window forgets; the page works all the same.
    }
    this.#show();
  }

  #show(): void {
    const root = document.documentElement;
    root.lang = this.language;
    root.dataset["theme"] = this.dark ? "dark" : "light";
    root.dataset["size"] = this.size;
  }
}

export const preferences = new Preferences();

/** `t("ui.save")`: the sentence in the language of the page. Reactive. */
export function t(key: Key, parameters?: Record<string, string | number>): string {
  return sentence(preferences.language, key, parameters);
}
