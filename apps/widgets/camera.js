// The camera of the browser. A picture is sent only when Python has asked for it; the others are counted and dropped.

const LARGEST = 640; // pixels of the longer side that are sent
const [LOOK, LOST_AFTER] = [500, 4]; // every so many milliseconds; so many looks without a new picture
const AGAIN_AFTER = 1000;

class Camera {
  constructor(model) {
    this.model = model;
    this.video = Object.assign(document.createElement("video"), { muted: true, playsInline: true });
    this.video.style.cssText = "position:absolute;width:2px;height:2px;opacity:0;pointer-events:none";
    this.video.setAttribute("aria-hidden", "true");
    this.canvas = document.createElement("canvas");
    this.asked = 0;
  }

  async start() {
    this.stop();
    if (!this.model.running) return;
    const turn = (this.turn = Symbol());
    this.dropped = 0;
    try {
      if (!navigator.mediaDevices) throw { name: "InsecureError" };
      const size = { width: { ideal: 640 }, height: { ideal: 480 } };
      const stream = await navigator.mediaDevices.getUserMedia({ audio: false, video: size });
      if (turn !== this.turn) return stream.getTracks().forEach((track) => track.stop());
      this.stream = stream;
      stream.getVideoTracks()[0].onended = () => this.lose("ended");
      this.video.srcObject = stream;
      await this.video.play();
      this.idle = 0;
      this.watch = setInterval(() => this.check(), LOOK);
      this.follow(turn);
    } catch (error) {
      if (turn === this.turn) this.lose(error.name ?? String(error));
    }
  }

  stop() {
    this.turn = null;
    clearInterval(this.watch);
    clearTimeout(this.retry);
    this.stream?.getTracks().forEach((track) => { track.onended = null; track.stop(); });
    this.stream = this.video.srcObject = null;
  }

  /** Says what is wrong, and tries again for as long as the camera is wanted. */
  lose(problem) {
    this.stop();
    this.model.problem = problem;
    this.retry = setTimeout(() => this.start(), AGAIN_AFTER);
  }

  check() {
    this.idle = document.hidden ? 0 : this.idle + 1; // a page that nobody sees gets no pictures
    if (this.idle > LOST_AFTER) this.lose("frozen");
  }

  follow(turn) {
    this.video.requestVideoFrameCallback(() => {
      if (turn !== this.turn) return;
      this.idle = 0;
      if (this.model.problem) this.model.problem = "";
      if (this.model.wanted > this.asked) this.send(turn);
      else if (!this.model.paused) this.dropped += 1;
      this.follow(turn);
    });
  }

  send(turn) {
    const { videoWidth: width, videoHeight: height } = this.video;
    if (!width || !height) return;
    this.asked = this.model.wanted;
    const scale = Math.min(1, LARGEST / Math.max(width, height));
    Object.assign(this.canvas, { width: Math.round(width * scale), height: Math.round(height * scale) });
    this.canvas.getContext("2d").drawImage(this.video, 0, 0, this.canvas.width, this.canvas.height);
    this.canvas.toBlob(async (blob) => {
      const frame = await blob?.arrayBuffer();
      if (turn !== this.turn) return;
      if (!frame?.byteLength) return (this.asked -= 1); // an empty picture: the next one will do
      this.model.frame = frame;
      this.model.dropped = this.dropped;
      this.model.number += 1;
    }, "image/jpeg", 0.9);
  }
}

export function render({ model }) {
  const camera = new Camera(model);
  model.on("running", () => camera.start());
  model.on("remove", () => camera.stop());
  window.addEventListener("pagehide", () => camera.stop());
  camera.start();
  return camera.video;
}
