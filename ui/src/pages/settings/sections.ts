/** The parts of the page: each is read when it is opened. */
import radar from "lucide-static/icons/radar.svg?icon";
import plug from "lucide-static/icons/plug.svg?icon";
import doorOpen from "lucide-static/icons/door-open.svg?icon";
import radioTower from "lucide-static/icons/radio-tower.svg?icon";
import bell from "lucide-static/icons/bell.svg?icon";
import archive from "lucide-static/icons/archive.svg?icon";
import circleFadingArrowUp from "lucide-static/icons/circle-fading-arrow-up.svg?icon";
import languages from "lucide-static/icons/languages.svg?icon";
import info from "lucide-static/icons/info.svg?icon";
import type { Component } from "svelte";

export interface Section {
  id: "found" | "things" | "rooms" | "radios" | "notices" | "keeping" | "upgrade" | "look" | "about";
  icon: string;
  right: string;
  read: () => Promise<{ default: Component }>;
}

export const SECTIONS: readonly Section[] = [
  { id: "found", icon: radar, right: "radio.manage", read: () => import("@/pages/settings/FoundSection.svelte") },
  { id: "things", icon: plug, right: "thing.manage", read: () => import("@/pages/settings/ThingsSection.svelte") },
  { id: "rooms", icon: doorOpen, right: "thing.manage", read: () => import("@/pages/settings/RoomsSection.svelte") },
  { id: "radios", icon: radioTower, right: "radio.manage", read: () => import("@/pages/settings/RadiosSection.svelte") },
  { id: "notices", icon: bell, right: "profile.edit", read: () => import("@/pages/settings/NoticesSection.svelte") },
  { id: "keeping", icon: archive, right: "facts.export", read: () => import("@/pages/settings/KeepingSection.svelte") },
  { id: "upgrade", icon: circleFadingArrowUp, right: "release.install", read: () => import("@/pages/settings/UpgradeSection.svelte") },
  { id: "look", icon: languages, right: "", read: () => import("@/pages/settings/LookSection.svelte") },
  { id: "about", icon: info, right: "", read: () => import("@/pages/settings/AboutSection.svelte") },
];
