// Reminders as notifications of this browser: asked for by a tap, only where the browser allows them, and never with a
// pain or a score in them. No push service is used, for that would be somebody else's computer: they come while the
// pages are open, and, where a browser wakes an installed app by itself, now and then without.

import { get } from "./api.js";

const CHOICE = "tallrun.remind";
const TOLD = "tallrun.reminded";
const LOOK_MS = 5 * 60 * 1000;

/** Why this page cannot remind; empty where it can. */
export function whyNot() {
  if (!window.isSecureContext) return "insecure";
  return "Notification" in window && "serviceWorker" in navigator ? "" : "missing";
}

export const isOn = () => !whyNot() && Notification.permission === "granted" && localStorage.getItem(CHOICE) === "on";

/** Ask for leave, from a tap; returns whether reminders are on now. */
export async function turnOn() {
  if ((await Notification.requestPermission()) !== "granted") return false;
  localStorage.setItem(CHOICE, "on");
  const worker = await navigator.serviceWorker.ready;
  await worker.periodicSync?.register("due", { minInterval: 3600 * 1000 }).catch(() => {});
  await look();
  return true;
}

export async function turnOff() {
  localStorage.setItem(CHOICE, "off");
  const worker = await navigator.serviceWorker.ready;
  await worker.periodicSync?.unregister("due").catch(() => {});
}

/** Remind of what has come due since the last look, once each. */
export async function look() {
  if (!isOn()) return;
  const due = (await get("/due")).filter((item) => item.open && item.question !== "strength");
  const keys = due.map((item) => `${item.question}/${item.session_id ?? ""}/${item.closes_at}`);
  const told = JSON.parse(localStorage.getItem(TOLD) ?? "[]");
  localStorage.setItem(TOLD, JSON.stringify(keys));
  if (!keys.some((key) => !told.includes(key))) return;
  const worker = await navigator.serviceWorker.ready;
  await worker.showNotification("tallrun", { body: "An answer is due on Today.", tag: "tallrun-due", icon: "/static/icon-192.png" });
}

export function watch() {
  if (whyNot()) return;
  const quietly = () => look().catch(() => {});
  quietly();
  setInterval(quietly, LOOK_MS);
}
