/** The keys there are: a sentence that nobody wrote does not compile. */
import type ui from "@words/ui.en.json";
import type home from "@words/ui_home.en.json";
import type linkages from "@words/ui_linkages.en.json";
import type activity from "@words/ui_activity.en.json";
import type members from "@words/ui_members.en.json";
import type settings from "@words/ui_settings.en.json";
import type enter from "@words/ui_enter.en.json";
import type flywheel from "@words/ui_flywheel.en.json";

export type Key = keyof (typeof ui & typeof home & typeof linkages & typeof activity & typeof members & typeof settings & typeof enter & typeof flywheel);
