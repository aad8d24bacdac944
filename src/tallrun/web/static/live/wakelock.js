// Keeps the screen on where the browser allows it, and says why where it does not.

export class WakeLock {
  /** @param {(text: string, isHeld: boolean) => void} onState */
  constructor(onState) {
    this.onState = onState;
    this.lock = null;
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible" && this.wanted && !this.lock) this.hold();
    });
  }

  async hold() {
    this.wanted = true;
    if (!window.isSecureContext) {
      this.onState("Screen may go dark: browsers keep it on only over a secure link. Set the phone's screen time-out to never.", false);
      return;
    }
    if (!("wakeLock" in navigator)) {
      this.onState("Screen may go dark: this browser cannot keep it on. Set the phone's screen time-out to never.", false);
      return;
    }
    try {
      this.lock = await navigator.wakeLock.request("screen");
      this.lock.addEventListener("release", () => { this.lock = null; });
      this.onState("Screen stays on.", true);
    } catch (error) {
      this.onState(`Screen may go dark: the phone refused (${error.name}). Check battery saver.`, false);
    }
  }
}
