/** This browser, as somebody to be told (Push API; RFC 8292 for the key). */
import { api, Said } from "@/api/client";
import { t } from "@/state/preferences.svelte";

export const canPush = (): boolean =>
  isSecureContext && "serviceWorker" in navigator && "PushManager" in globalThis && "Notification" in globalThis;

/** Raises Said when the person or the browser says no. */
export async function subscribe(): Promise<void> {
  if ((await Notification.requestPermission()) !== "granted") throw new Said(t("ui_settings.push_denied"));
  const { key } = await api.get<{ key: string }>("/api/push/key");
  const registration = await navigator.serviceWorker.ready;
  const before = await registration.pushManager.getSubscription();
  const subscription =
    before ?? (await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key }));
  const { endpoint, keys } = subscription.toJSON();
  await api.post("/api/push", { endpoint, keys, device: deviceName() });
}

function deviceName(): string {
  const agent = navigator.userAgent;
  const system = ["Android", "iPhone", "iPad", "Windows", "Macintosh", "Linux"].find((each) => agent.includes(each)) ?? "";
  const browser = ["Edg", "Firefox", "Chrome", "Safari"].find((each) => agent.includes(each)) ?? "";
  return [browser === "Edg" ? "Edge" : browser, system === "Macintosh" ? "Mac" : system].filter(Boolean).join(", ");
}
