// Canvas helpers: sharp at any pixel ratio, colours from the tokens, one mark for each foot.

export function fit(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const { clientWidth: width, clientHeight: height } = canvas;
  const wide = Math.round(width * ratio);
  const tall = Math.round(height * ratio);
  if (canvas.width !== wide || canvas.height !== tall) { canvas.width = wide; canvas.height = tall; }
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  return { pen, width, height };
}

const NAMES = ["paper", "panel", "line", "ink", "ink-soft", "left", "right", "right-mark", "pelvis", "good", "warn", "stop", "good-fill", "warn-fill", "stop-fill", "focus"];
let colours = null;
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { colours = null; });

export function palette() {
  if (!colours) {
    const style = getComputedStyle(document.documentElement);
    colours = Object.fromEntries(NAMES.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
  }
  return colours;
}

export function text(pen, words, x, y, colour, size = 12, align = "left", weight = "") {
  pen.fillStyle = colour;
  pen.font = `${weight} ${size}px system-ui, sans-serif`;
  pen.textAlign = align;
  pen.fillText(words, x, y);
}

/** The mark of a side: left round, right square, anything else a triangle; filled or open. */
export function mark(pen, side, x, y, radius, colour, isFilled = true) {
  pen.beginPath();
  if (side === "left") pen.arc(x, y, radius, 0, 7);
  else if (side === "right") pen.rect(x - radius, y - radius, 2 * radius, 2 * radius);
  else { pen.moveTo(x, y - radius); pen.lineTo(x + radius, y + radius); pen.lineTo(x - radius, y + radius); pen.closePath(); }
  pen.lineWidth = 2;
  pen.strokeStyle = colour;
  pen.fillStyle = colour;
  if (isFilled) pen.fill(); else pen.stroke();
}

/** A bar of what was not so but would have been: outlined and hatched, never solid. */
export function hatched(pen, x, y, wide, tall, colour) {
  pen.save();
  pen.beginPath();
  pen.rect(x, y, wide, tall);
  pen.clip();
  pen.strokeStyle = colour;
  pen.lineWidth = 1;
  pen.beginPath();
  for (let at = x - tall; at < x + wide; at += 6) { pen.moveTo(at, y + tall); pen.lineTo(at + tall, y); }
  pen.stroke();
  pen.restore();
  pen.strokeStyle = colour;
  pen.lineWidth = 1;
  pen.strokeRect(x + 0.5, y + 0.5, Math.max(1, wide - 1), tall - 1);
}
