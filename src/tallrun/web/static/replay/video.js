// A phone's clip beside the replay: it stays on this computer, is aligned once, and goes along with the play head.

import { SIDE, clock } from "./words.js";

const $ = (id) => document.getElementById(id);
/** The clip may run ahead or behind by this while both play, before it is set right. */
const DRIFT_S = 0.08;
const FRAME_S = 1 / 30;
const STORE = "clips";

/** The browser's own store on this computer: nothing is sent anywhere. Undefined where the browser keeps nothing. */
function opened() {
  return new Promise((done) => {
    const asked = indexedDB.open("tallrun-replay", 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore(STORE);
    asked.onsuccess = () => done(asked.result);
    asked.onerror = () => done(undefined);
  });
}

async function kept(mode, act) {
  const store = await opened().catch(() => undefined);
  if (!store) return undefined;
  return new Promise((done) => {
    const asked = act(store.transaction(STORE, mode).objectStore(STORE));
    asked.onsuccess = () => done(asked.result);
    asked.onerror = () => done(undefined);
  });
}

export class Video {
  /** host: {session, sessionId, player, goTo, pause} of the page. */
  constructor(host) {
    this.host = host;
    this.clip = $("clip");
    this.file = null;
    /** Clip time less session time [s]; null before it is aligned. */
    this.offset = null;
    this.isOutside = false;
    $("clip-file").addEventListener("change", () => { const [file] = $("clip-file").files; if (file) this.take(file, null); });
    $("clip-away").addEventListener("click", () => this.putAway());
    $("clip-align").addEventListener("click", () => this.align());
    $("clip-back").addEventListener("click", () => this.step(-FRAME_S));
    $("clip-on").addEventListener("click", () => this.step(FRAME_S));
    this.clip.addEventListener("error", () => { $("clip-answer").textContent = "This browser cannot play that clip. MP4 (H.264) and WebM work in most."; });
    this.listMarks();
    kept("readonly", (store) => store.get(host.sessionId)).then((found) => { if (found && !this.file) this.take(found.file, found.offset); });
  }

  listMarks() {
    const taps = this.host.session.marks.filter((item) => item.kind === "sync_tap").map((item) => [`tap:${item.t_s}`, `the tap at ${clock(item.t_s)}`]);
    $("clip-mark").replaceChildren(...[...taps, ["landing", "the landing nearest to the play head"], ["head", "the play head"]].map(([value, textContent]) => Object.assign(document.createElement("option"), { value, textContent })));
  }

  take(file, offset) {
    if (this.address) URL.revokeObjectURL(this.address);
    this.file = file;
    this.offset = offset;
    this.address = URL.createObjectURL(file);
    this.clip.src = this.address;
    this.show();
    this.keep();
  }

  show(told = "") {
    const has = this.file !== null;
    for (const id of ["clip", "clip-tools", "clip-away"]) $(id).hidden = !has;
    this.isOutside = false;
    this.words = !has ? "" : this.offset === null ? "Stop the clip at the tap, or where the shoe stamps, and say which moment of the session that is." : `Aligned: the clip starts ${this.offset > 0 ? `${this.offset.toFixed(1)} s before the session` : `at ${clock(-this.offset)} of the session`}.${told}`;
    $("clip-answer").textContent = this.words;
    this.follow();
  }

  keep() { return this.file && kept("readwrite", (store) => store.put({ file: this.file, offset: this.offset }, this.host.sessionId)); }

  async putAway() {
    this.clip.removeAttribute("src");
    this.clip.load();
    this.file = this.offset = null;
    $("clip-file").value = "";
    this.show();
    await kept("readwrite", (store) => store.delete(this.host.sessionId));
  }

  /** This frame is that moment. */
  align() {
    const { session, player, pause } = this.host;
    const chosen = $("clip-mark").value;
    pause();
    let time = player.time;
    let told = "";
    if (chosen.startsWith("tap:")) time = Number(chosen.slice(4));
    if (chosen === "landing") {
      const row = session.nearest(player.time);
      if (row < 0) { $("clip-answer").textContent = "There is no landing near the play head."; return; }
      time = session.contacts[row];
      told = ` (${SIDE[session.strides.foot[row]] ?? ""} landing at ${time.toFixed(3)} s)`;
    }
    this.offset = this.clip.currentTime - time;
    this.show(told);
    this.keep();
    this.host.goTo(time);  // so that the frame just named is the one that stays in sight
  }

  step(seconds) {
    if (this.offset === null) this.clip.currentTime = Math.max(0, this.clip.currentTime + seconds);
    else { this.host.pause(); this.host.goTo(this.host.player.time + seconds); }
  }

  /** Bring the clip to where the play head is. */
  follow() {
    if (!this.file || this.offset === null) return;
    const { player } = this.host;
    const wanted = player.time + this.offset;
    const isInside = wanted > -0.001 && !(wanted > this.clip.duration);
    $("clip").classList.toggle("outside", !isInside);
    if (isInside === this.isOutside) {
      this.isOutside = !isInside;
      $("clip-answer").textContent = `${this.words}${isInside ? "" : " The play head is outside the clip."}`;
    }
    if (!isInside) { this.clip.pause(); return; }
    // past 4x a clip stutters more than it shows: it is set from frame to frame instead
    const plays = player.isPlaying && player.speed <= 4;
    if (plays) {
      this.clip.playbackRate = player.speed;
      if (this.clip.paused) this.clip.play().catch(() => {});
    } else this.clip.pause();
    if (Math.abs(this.clip.currentTime - wanted) > (plays ? DRIFT_S * player.speed : 0.001) && !this.clip.seeking) this.clip.currentTime = wanted;
  }
}
