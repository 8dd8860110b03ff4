/** "5 分钟前", kept up while it is on the page. */
import { createSubscriber } from "svelte/reactivity";
import { preferences, t } from "@/state/preferences.svelte";

const TOLD_EVERY = 20_000;
const STEPS: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

const tick = createSubscriber((update) => {
  const timer = setInterval(update, TOLD_EVERY);
  return () => clearInterval(timer);
});

/** `at` in microseconds, as the hub tells times. */
export function ago(at: number): string {
  tick();
  const passed = Math.max(0, Date.now() - at / 1000) / 1000;
  const [unit, seconds] = STEPS.find(([, seconds]) => passed >= seconds) ?? ["second", 1];
  if (unit === "second") return t("ui_home.just_now");
  return new Intl.RelativeTimeFormat(preferences.language, { numeric: "always", style: "short" }).format(
    -Math.floor(passed / seconds),
    unit,
  );
}
