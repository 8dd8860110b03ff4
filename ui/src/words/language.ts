export const LANGUAGES = ["zh-CN", "en"] as const;
export type Language = (typeof LANGUAGES)[number];

/** The one of ours that the browser would like best. */
export function preferred(wanted: readonly string[] = navigator.languages): Language {
  for (const each of wanted) {
    const found = LANGUAGES.find((ours) => ours.slice(0, 2) === each.slice(0, 2).toLowerCase());
    if (found !== undefined) return found;
  }
  return "en";
}
