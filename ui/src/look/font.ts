/**
 * Inter, once this browser has it: the service worker brings it in the background of the first visit, and every later
 * page has it at once. Until then, and where there is no service worker, the system's own face is used: nobody waits for
 * a font, and no text jumps.
 */
import inter from "@/look/inter.woff2";

export function useFont(): void {
  if (!("serviceWorker" in navigator) || navigator.serviceWorker.controller === null) return;
  document.fonts.add(new FontFace("Inter", `url("${inter}") format("woff2")`, { weight: "400 650" }));
}
