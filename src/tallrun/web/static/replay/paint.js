// Canvas helpers: sharp at any pixel ratio, colours from the tokens.

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

export function palette() {
  const style = getComputedStyle(document.documentElement);
  const names = ["paper", "panel", "line", "ink", "ink-soft", "left", "right", "right-mark", "pelvis", "good", "warn", "stop", "good-fill", "warn-fill", "stop-fill"];
  return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}

export function text(pen, words, x, y, colour, size = 12, align = "left", weight = "") {
  pen.fillStyle = colour;
  pen.font = `${weight} ${size}px system-ui, sans-serif`;
  pen.textAlign = align;
  pen.fillText(words, x, y);
}
