import "@/look/tokens.css";
import "@/look/base.css";
import { mount } from "svelte";
import { useFont } from "@/look/font";
import App from "@/App.svelte";
import { askEarly } from "@/api/client";
import { preferences } from "@/state/preferences.svelte";
import { wasSignedIn } from "@/state/session.svelte";
import { readRooms } from "@/words/say";

askEarly("/api/session");
if (wasSignedIn()) askEarly("/api/home");
await readRooms(preferences.language, location.pathname === "/" ? ["ui", "ui_home"] : ["ui"]);
useFont();
const target = document.getElementById("app");
if (target !== null) mount(App, { target });

if ("serviceWorker" in navigator && import.meta.env.PROD) {
  const register = (): void => void navigator.serviceWorker.register("/sw.js").catch(() => undefined);
  // Words were awaited above: the page may have loaded meanwhile, and says so only once.
  if (document.readyState === "complete") register();
  else addEventListener("load", register);
}
