// Keeps the shell of the pages, so that they open when the computer does not answer; records are never kept here.

const SHELL = "tallrun-shell-1";
const PAGES = ["/today", "/run", "/live", "/sessions", "/recovery", "/plan", "/settings"];

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil((async () => {
  for (const name of await caches.keys()) if (name !== SHELL) await caches.delete(name);
  await self.clients.claim();
})()));

// An installed app may be woken now and then: what is due is asked of the computer, and told without a word of what it is.
self.addEventListener("periodicsync", (event) => {
  if (event.tag === "due") event.waitUntil((async () => {
    const answer = await fetch("/api/due");
    if (answer.ok && (await answer.json()).some((item) => item.open && item.question !== "strength")) await self.registration.showNotification("tallrun", { body: "An answer is due on Today.", tag: "tallrun-due", icon: "/static/icon-192.png" });
  })().catch(() => {}));
});
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil((async () => {
    const [open] = await self.clients.matchAll({ type: "window" });
    if (open) { await open.focus(); await open.navigate("/today"); } else await self.clients.openWindow("/today");
  })().catch(() => {}));
});

const isShell = (request, url) => request.method === "GET" && url.origin === location.origin && !url.search
  && (url.pathname.startsWith("/static/") || (request.mode === "navigate" && PAGES.includes(url.pathname)));

// What the computer says comes first; what was kept is for when it says nothing. Answers and taps go past this worker.
self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (!isShell(request, new URL(request.url))) return;
  event.respondWith((async () => {
    const kept = await caches.open(SHELL);
    try {
      const answer = await fetch(request);
      if (answer.ok && !answer.redirected) await kept.put(request.url, answer.clone());
      return answer;
    } catch (problem) {
      const old = await kept.match(request.url);
      if (old) return old;
      throw problem;
    }
  })());
});
