// The buttons on the picture, the tooltip, the notes, and the snapshot.

import { paintBackground, paintHud } from "./hud.js";

const ICONS = {
  front: '<path d="M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5"/><circle cx="12" cy="12" r="2.6"/>',
  dots: '<circle cx="6" cy="8" r="1.6"/><circle cx="18" cy="8" r="1.6"/><circle cx="12" cy="13" r="1.6"/><path d="M7 18c3 2.4 7 2.4 10 0"/>',
  doubt: '<circle cx="12" cy="12" r="2.2"/><ellipse cx="12" cy="12" rx="9" ry="6"/>',
  help: '<path d="M9 9.2a3 3 0 1 1 4.4 2.7c-.9.5-1.4 1-1.4 2.1M12 17.4v.2"/><circle cx="12" cy="12" r="9.2"/>',
  camera: '<path d="M4 8h3.5L9 5.5h6L16.5 8H20v11H4z"/><circle cx="12" cy="13.2" r="3.4"/>',
};

export function toolbar(actions) {
  const bar = document.createElement("div");
  bar.className = "tools";
  const buttons = Object.fromEntries(
    Object.entries(actions).map(([name, { label, icon, run }]) => {
      const button = document.createElement("button");
      button.type = "button";
      button.title = label;
      button.setAttribute("aria-label", label);
      button.innerHTML = `<svg viewBox="0 0 24 24" aria-hidden="true">${ICONS[icon]}</svg>`;
      button.addEventListener("click", run);
      bar.append(button);
      return [name, button];
    }),
  );
  return { bar, buttons };
}

export function showTip(tip, root, x, y, title, lines) {
  const row = (tag, text) => Object.assign(document.createElement(tag), { textContent: text });
  tip.replaceChildren(row("b", title), ...lines.map((line) => row("span", line)));
  const left = x + 18 + tip.offsetWidth > root.clientWidth ? x - tip.offsetWidth - 14 : x + 18;
  const top = Math.min(Math.max(y - 12, 6), root.clientHeight - tip.offsetHeight - 6);
  tip.style.transform = `translate(${left}px, ${top}px)`;
  tip.style.visibility = "visible";
}

/** The picture as it stands, with all that is written on it, as a PNG of at least twice the screen's resolution. */
export async function snapshot(stage, look, lut) {
  const before = stage.renderer.getPixelRatio();
  const ratio = Math.max(2, before);
  const sheet = document.createElement("canvas");
  sheet.width = Math.round(stage.size.x * ratio);
  sheet.height = Math.round(stage.size.y * ratio);
  const ctx = sheet.getContext("2d");
  ctx.scale(ratio, ratio);
  paintBackground(ctx, stage, look);
  stage.resize(stage.size.x, stage.size.y, ratio);
  stage.draw();
  ctx.drawImage(stage.renderer.domElement, 0, 0, stage.size.x, stage.size.y);
  stage.resize(stage.size.x, stage.size.y, before);
  stage.draw();
  paintHud(ctx, stage, look, lut);
  return new Promise((done) => sheet.toBlob(done, "image/png"));
}

export function download(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
