// A picture with a face marked in it: box, landmarks, and a word where there is something to say.

const STYLE = `
  .shot { position: relative; width: 100%; height: 100%; border-radius: 8px; overflow: hidden;
    background: color-mix(in srgb, currentColor 7%, transparent); }
  canvas { position: absolute; inset: 0; width: 100%; height: 100%; }
  .hint { position: absolute; inset: 0; display: flex; align-items: center; justify-content: center; padding: 0 28px;
    text-align: center; font: 13px/1.5 'Roboto', system-ui, sans-serif; opacity: .72; }
  [hidden] { display: none; }
`;
const FOUND = "#35d07f";
const tag = (name, attributes) => Object.assign(document.createElement(name), attributes);

class Shot {
  constructor(model) {
    this.model = model;
    this.canvas = tag("canvas");
    this.canvas.setAttribute("role", "img");
    this.hint = tag("div", { className: "hint" });
    this.root = tag("div", { className: "shot" });
    this.root.append(tag("style", { textContent: STYLE }), this.canvas, this.hint);
    this.resizer = new ResizeObserver(() => this.draw());
    this.resizer.observe(this.root);
  }

  async take() {
    const { jpeg, marks, tick } = this.model;
    const bytes = jpeg?.byteLength ? jpeg : null;
    const image = bytes && (await createImageBitmap(new Blob([bytes], { type: "image/jpeg" })));
    if (tick < (this.tick ?? 0)) return; // decoded too late
    Object.assign(this, { image, marks, tick });
    this.draw();
  }

  draw() {
    this.hint.hidden = Boolean(this.image);
    this.hint.textContent = this.model.hint;
    this.canvas.hidden = !this.image;
    if (!this.image) return delete this.root.dataset.shot;
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [this.root.clientWidth, this.root.clientHeight];
    Object.assign(this.canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
    const ctx = this.canvas.getContext("2d");
    const scale = Math.min(width / this.image.width, height / this.image.height);
    const [w, h] = [this.image.width * scale, this.image.height * scale];
    ctx.setTransform(ratio, 0, 0, ratio, ((width - w) / 2) * ratio, ((height - h) / 2) * ratio);
    ctx.drawImage(this.image, 0, 0, w, h);
    this.mark(ctx, w, h);
    this.canvas.setAttribute("aria-label", this.marks.box ? "The picture, with the face that was found" : "The picture");
    Object.assign(this.root.dataset, { shot: this.tick, found: Boolean(this.marks.box) });
  }

  mark(ctx, w, h) {
    const { box, points = [], says } = this.marks;
    ctx.lineWidth = 2;
    ctx.strokeStyle = ctx.fillStyle = FOUND;
    for (const [x, y] of points) {
      ctx.beginPath();
      ctx.arc(x * w, y * h, 1.7, 0, 7);
      ctx.fill();
    }
    if (box) {
      const [x, y, wide, high, roll] = box;
      ctx.save();
      ctx.translate(x * w, y * h);
      ctx.rotate((roll * Math.PI) / 180);
      ctx.beginPath();
      ctx.roundRect((-wide * w) / 2, (-high * h) / 2, wide * w, high * h, 6);
      ctx.stroke();
      ctx.restore();
    }
    if (!says) return;
    ctx.font = "600 13px Roboto, system-ui, sans-serif";
    const wide = Math.min(ctx.measureText(says).width + 20, w);
    ctx.fillStyle = this.marks.skipped ? "#b3261ee0" : "#1d222be0";
    ctx.fillRect(0, h - 28, wide, 28);
    ctx.fillStyle = "#fff";
    ctx.fillText(says, 10, h - 9.5, w - 20);
  }
}

export function render({ model }) {
  const shot = new Shot(model);
  model.on("tick", () => shot.take());
  model.on("hint", () => shot.draw());
  model.on("remove", () => shot.resizer.disconnect());
  shot.take();
  return shot.root;
}
