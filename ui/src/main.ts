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

// What the worker fetches ahead must not stand in the way of the first picture.
const AFTER_THE_FIRST_PICTURE = 1_500;
if ("serviceWorker" in navigator && import.meta.env.PROD)
  setTimeout(() => void navigator.serviceWorker.register("/sw.js").catch(() => undefined), AFTER_THE_FIRST_PICTURE);
