/** What the page asks of the hub about people, and how it is shaped. */
import { api } from "@/api/client";
import type { InvitationView, MemberView } from "@/api/types";
import { home } from "@/state/home.svelte";
import { session } from "@/state/session.svelte";
import { newId } from "@/words/ids";

export const ROLES = ["owner", "adult", "child", "elder", "guest"] as const;
export type Role = (typeof ROLES)[number];

/** What may be given to a guest or a program, in the order in which people think of it. */
export const GIVEABLE = [
  "home.see",
  "thing.control",
  "thing.secure",
  "scene.run",
  "linkage.run",
  "camera.watch",
  "facts.read",
  "facts.export",
  "thing.configure",
  "thing.manage",
  "linkage.write",
  "scene.write",
  "backup",
] as const;

/** Given to a guest unless the owner says otherwise. */
export const USUAL = ["home.see", "thing.control"];

/** An id for a new member. */
export const newMemberId = (name: string): string =>
  newId(name, "member", (home.view?.members ?? []).map((each) => each.id));

export const invite = (member: string): Promise<InvitationView> => api.post(`/api/members/${member}/invitation`);

export const isMe = (member: MemberView): boolean => session.view?.member?.id === member.id;

/** The end of a day, `days` from now, in microseconds; 0 is no end. */
export const inDays = (days: number): number => (days === 0 ? 0 : (Date.now() + days * 86_400_000) * 1000);
