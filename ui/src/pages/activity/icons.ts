/** The icon of a kind of entry; what stands in no row has the plain one. */
import archive from "lucide-static/icons/archive.svg?icon";
import bell from "lucide-static/icons/bell.svg?icon";
import clapperboard from "lucide-static/icons/clapperboard.svg?icon";
import circleAlert from "lucide-static/icons/circle-alert.svg?icon";
import circleDot from "lucide-static/icons/circle-dot.svg?icon";
import doorOpen from "lucide-static/icons/door-open.svg?icon";
import hand from "lucide-static/icons/hand.svg?icon";
import house from "lucide-static/icons/house.svg?icon";
import keyRound from "lucide-static/icons/key-round.svg?icon";
import radio from "lucide-static/icons/radio.svg?icon";
import plug from "lucide-static/icons/plug.svg?icon";
import toggleRight from "lucide-static/icons/toggle-right.svg?icon";
import unplug from "lucide-static/icons/unplug.svg?icon";
import users from "lucide-static/icons/users.svg?icon";
import workflow from "lucide-static/icons/workflow.svg?icon";

const ICONS: Record<string, string> = {
  ran: workflow,
  waiting: workflow,
  failed: circleAlert,
  declined: workflow,
  linkage: workflow,
  linked: workflow,
  command: hand,
  event: radio,
  scene: clapperboard,
  helper: toggleRight,
  presence: doorOpen,
  notified: bell,
  notifier: bell,
  upkeep: archive,
  thing: plug,
  reached: plug,
  lost: unplug,
  member: users,
  grant: users,
  account: keyRound,
  room: house,
  storey: house,
  household: house,
};

export const iconOf = (kind: string): string => ICONS[kind] ?? circleDot;
