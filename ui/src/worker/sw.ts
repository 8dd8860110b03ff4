/// <reference lib="webworker" />
/**
 * The service worker: the page opens without the hub and shows what was last told, and notifications arrive while no
 * page is open. What it keeps of the home goes when the person signs out (state/home.svelte.ts).
 */
declare const self: ServiceWorkerGlobalScope;
declare const __SHELL__: string[]; // filled in by vite.config.ts: what Home needs
declare const __BUILD__: string;

const SHELL = `setaria-shell-${__BUILD__}`;
const KEPT = "setaria-kept";
const KEPT_AT = "x-setaria-kept";
const PATIENCE = 4_000;
const KEEPS: ReadonlySet<string> = new Set(["/api/session", "/api/home"]);

self.addEventListener("install", (event) => {
  event.waitUntil(
    caches
      .open(SHELL)
      .then((cache) => cache.addAll(__SHELL__))
      .then(() => self.skipWaiting()),
  );
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    (async () => {
      for (const name of await caches.keys()) if (name !== SHELL && name !== KEPT) await caches.delete(name);
      await self.clients.claim();
    })(),
  );
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  if (request.mode === "navigate" && !url.pathname.startsWith("/api/")) event.respondWith(page(request));
  else if (url.pathname.startsWith("/assets/")) event.respondWith(asset(request));
  else if (KEEPS.has(url.pathname) && url.search === "") event.respondWith(kept(request, url.pathname));
});

/** The newest page; the kept one when the hub does not answer. */
async function page(request: Request): Promise<Response> {
  try {
    return await fetch(request, { signal: AbortSignal.timeout(PATIENCE) });
  } catch {
    return (await caches.match("/index.html", { cacheName: SHELL, ignoreVary: true })) ?? Response.error();
  }
}

/** Hashed names never change: the first copy is as good as any. */
async function asset(request: Request): Promise<Response> {
  const found = await caches.match(request, { ignoreVary: true });
  if (found !== undefined) return found;
  const response = await fetch(request);
  if (response.ok) void (await caches.open(SHELL)).put(request, response.clone());
  return response;
}

async function kept(request: Request, path: string): Promise<Response> {
  const cache = await caches.open(KEPT);
  let response: Response;
  try {
    response = await fetch(request);
  } catch {
    return (await cache.match(path, { ignoreVary: true })) ?? Response.error();
  }
  if (path === "/api/session") {
    const state = ((await response.clone().json().catch(() => ({}))) as { state?: string }).state;
    if (response.ok && state !== "signed_in") await caches.delete(KEPT);
    else if (response.ok) await keep(cache, path, response.clone());
  } else if (response.ok) await keep(cache, path, response.clone());
  return response;
}

async function keep(cache: Cache, path: string, response: Response): Promise<void> {
  const headers = new Headers({ "content-type": "application/json", [KEPT_AT]: String(Date.now()) });
  await cache.put(path, new Response(await response.text(), { headers }));
}

interface Message {
  title?: string;
  message?: string;
  path?: string;
  tag?: string;
}

self.addEventListener("push", (event) => {
  let told: Message = {};
  try {
    told = (event.data?.json() as Message | undefined) ?? {};
  } catch {
    told = { message: event.data?.text() ?? "" };
  }
  event.waitUntil(
    self.registration.showNotification(told.title || "Setaria", {
      body: told.message ?? "",
      icon: "/icon-192.png",
      badge: "/icon-192.png",
      data: { path: told.path ?? "/activity" },
      ...(told.tag === undefined ? {} : { tag: told.tag }),
    }),
  );
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const path = (event.notification.data as { path?: string } | undefined)?.path ?? "/";
  event.waitUntil(
    (async () => {
      const open = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
      const found = open.find((client) => "focus" in client);
      if (found === undefined) await self.clients.openWindow(path);
      else {
        await found.focus();
        await found.navigate(path).catch(() => undefined);
      }
    })(),
  );
});

export {};
