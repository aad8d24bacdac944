// The socket to the server: reconnects by itself, never loses a tap.

export class Link {
  /** @param {{onMessage: Function, onOpen: Function, onLost: Function}} handlers */
  constructor(handlers) {
    this.handlers = handlers;
    this.waiting = [];
    this.delay = 250;
    this.connect();
  }

  connect() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    this.socket = new WebSocket(`${scheme}://${location.host}/ws/live`);
    this.socket.addEventListener("open", () => {
      this.delay = 250;
      this.handlers.onOpen();
      for (const message of this.waiting.splice(0)) this.socket.send(message);
    });
    this.socket.addEventListener("message", (event) => this.handlers.onMessage(JSON.parse(event.data)));
    this.socket.addEventListener("close", () => {
      this.handlers.onLost();
      setTimeout(() => this.connect(), this.delay);
      this.delay = Math.min(4000, this.delay * 2);
    });
  }

  /** Taps carry an id, so that one sent twice over a shaky link counts once. */
  send(message) {
    const text = JSON.stringify({ ...message, tap_id: newId() });
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(text);
    else this.waiting.push(text);
    return this.socket.readyState === WebSocket.OPEN;
  }
}

function newId() {
  const bytes = new Uint8Array(12);
  crypto.getRandomValues(bytes);
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
