// The socket to the server. A tap is kept, through reloads too, until the server has answered it by its id.
// Every state comes with how late it is, so that a slow network moves no moment the state tells of.

const SHELF = "tallrun.taps";
const AGAIN_MS = 1000;
const DEAD_MS = 3500;
const SLOW_MS = 1000;
const RECENT_S = 20;

export class Link {
  /** @param {{onMessage: (message: object, lateS: number) => void, onState: (state: {silentMs: number, unsent: object[]}) => void, onAnswer: Function}} handlers */
  constructor(handlers) {
    this.handlers = handlers;
    this.run = null;
    this.delay = 250;
    this.heardAt = performance.now();
    this.taps = this.#unshelve();
    this.gaps = [];
    this.connect();
    setInterval(() => this.#watch(), 200);
  }

  connect() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/ws/live`);
    this.socket = socket;
    socket.addEventListener("open", () => { this.delay = 250; this.heardAt = performance.now(); });
    socket.addEventListener("message", (event) => {
      if (socket !== this.socket) return;
      this.heardAt = performance.now();
      const message = JSON.parse(event.data);
      if (message.type === "answer") this.#answered(message);
      else if (message.type !== "beat") {
        if (message.type === "state") this.#belongsTo(message.run);
        this.handlers.onMessage(message, message.type === "state" ? this.#lateness(message.made_s) : 0);
      }
    });
    socket.addEventListener("close", () => { if (socket === this.socket) this.#reconnect(); });
  }

  /** Send a tap by every way there is, and keep it until it is answered. Returns its id. */
  send(message) {
    const tap = { ...message, tap_id: newId(), run: this.run };
    this.taps.push({ tap, madeAt: Date.now(), triedAt: 0 });
    this.#shelve();
    this.#try(this.taps.at(-1));
    return tap.tap_id;
  }

  get unanswered() { return this.taps.map(({ tap, madeAt }) => ({ ...tap, ageMs: Date.now() - madeAt })); }

  #try(entry) {
    const text = JSON.stringify(entry.tap);
    const isFirst = entry.triedAt === 0;
    entry.triedAt = Date.now();
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(text);
    // A link can be open and dead. STOP goes a second way at once, the others when the first way was silent.
    if (!isFirst || entry.tap.type === "stop" || this.socket.readyState !== WebSocket.OPEN) {
      fetch("/live/tap", { method: "POST", body: text, keepalive: true, headers: { "Content-Type": "application/json" } })
        .then((reply) => reply.json()).then((answer) => this.#answered(answer)).catch(() => {});
    }
  }

  #answered(answer) {
    const entry = this.taps.find(({ tap }) => tap.tap_id === answer.tap_id);
    if (!entry || answer.outcome === "later") return;
    this.taps = this.taps.filter((item) => item !== entry);
    this.#shelve();
    this.handlers.onAnswer(entry.tap, answer);
  }

  #belongsTo(run) {
    if (!run || run === this.run) return;
    this.run = run;
    this.gaps = [];
    // what was tapped in a run that is over must not act in this one
    this.taps = this.taps.filter(({ tap }) => !tap.run || tap.run === run);
    this.#shelve();
  }

  /** Seconds this state took longer than the quickest of the last ones: the two clocks share no zero. */
  #lateness(madeS) {
    const at = performance.now() / 1000;
    this.gaps = this.gaps.filter((item) => at - item.at < RECENT_S);
    this.gaps.push({ at, gap: at - madeS });
    return at - madeS - Math.min(...this.gaps.map(({ gap }) => gap));
  }

  #watch() {
    const silentMs = performance.now() - this.heardAt;
    if (silentMs > DEAD_MS && this.socket.readyState === WebSocket.OPEN) { this.socket.close(); this.#reconnect(); }
    for (const entry of this.taps) if (Date.now() - entry.triedAt > AGAIN_MS) this.#try(entry);
    this.handlers.onState({ silentMs, isSlow: silentMs > SLOW_MS || this.socket.readyState !== WebSocket.OPEN, unanswered: this.unanswered });
  }

  #reconnect() {
    this.socket = { readyState: WebSocket.CLOSED, send() {}, close() {} };
    setTimeout(() => this.connect(), this.delay);
    this.delay = Math.min(2000, this.delay * 2);
  }

  #shelve() { try { sessionStorage.setItem(SHELF, JSON.stringify(this.taps)); } catch { /* kept in memory only */ } }

  #unshelve() {
    try {
      const kept = JSON.parse(sessionStorage.getItem(SHELF) ?? "[]");
      return kept.filter((item) => item?.tap?.tap_id).map((item) => ({ ...item, triedAt: 0 }));
    } catch { return []; }
  }
}

function newId() {
  const bytes = new Uint8Array(12);
  crypto.getRandomValues(bytes);
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
