/** Every page: its path, its words, how it is read, and the right that shows it in the menu. */
import house from "lucide-static/icons/house.svg?icon";
import workflow from "lucide-static/icons/workflow.svg?icon";
import history from "lucide-static/icons/history.svg?icon";
import users from "lucide-static/icons/users.svg?icon";
import orbit from "lucide-static/icons/orbit.svg?icon";
import settings from "lucide-static/icons/settings.svg?icon";
import type { Component } from "svelte";
import HomePage from "@/pages/home/HomePage.svelte";
import type { Key } from "@/words/keys";

export interface Page {
  id: string;
  path: string;
  name: Key;
  icon: string;
  rooms: readonly string[];
  /** Without one, whoever is signed in. */
  right: string;
  /** Whether only some hubs have it: those that name it among the pages of the session. */
  some?: boolean;
  read: () => Promise<{ default: Component }>;
}

export const PAGES: readonly Page[] = [
  {
    id: "home",
    path: "",
    name: "ui.page.home",
    icon: house,
    rooms: ["ui_home"],
    right: "",
    read: () => Promise.resolve({ default: HomePage }),
  },
  {
    id: "linkages",
    path: "linkages",
    name: "ui.page.linkages",
    icon: workflow,
    rooms: ["ui_linkages", "ui_home"],
    right: "home.see",
    read: () => import("@/pages/linkages/LinkagesPage.svelte"),
  },
  {
    id: "activity",
    path: "activity",
    name: "ui.page.activity",
    icon: history,
    rooms: ["ui_activity"],
    right: "facts.read",
    read: () => import("@/pages/activity/ActivityPage.svelte"),
  },
  {
    id: "members",
    path: "members",
    name: "ui.page.members",
    icon: users,
    rooms: ["ui_members"],
    right: "home.see",
    read: () => import("@/pages/members/MembersPage.svelte"),
  },
  {
    id: "flywheel",
    path: "flywheel",
    name: "ui.page.flywheel",
    icon: orbit,
    rooms: ["ui_flywheel"],
    right: "facts.read",
    some: true,
    read: () => import("@/pages/flywheel/FlywheelPage.svelte"),
  },
  {
    id: "settings",
    path: "settings",
    name: "ui.page.settings",
    icon: settings,
    rooms: ["ui_settings"],
    right: "",
    read: () => import("@/pages/settings/SettingsPage.svelte"),
  },
];
