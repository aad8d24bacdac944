// Keeps the shell of the pages, so that they open when the computer does not answer; records are never kept here.

const SHELL = "tallrun-shell-1";
const PAGES = ["/today", "/run", "/live", "/sessions", "/recovery", "/plan", "/settings"];

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil((async () => {
  for (const name of await caches.keys()) if (name !== SHELL) await caches.delete(name);
  await self.clients.claim();
})()));

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
