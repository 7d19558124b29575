// The host of the viewer in a page without a server: `VIEWER` draws, the values come from the page itself, and a chosen
// landmark's heat is carried from the network's points to the drawn ones here (faceviz/view/scene_html.py).

const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const { wire, spread, captions, names } = JSON.parse(document.getElementById("data").textContent);
const values = { look: wire.look, tick: 1, message: "", clicks: 0, selected: wire.look.selected, shoot: 0 };
for (const [name, text] of Object.entries(wire)) if (name !== "look") values[name] = bytes(text);

const handlers = {};
const model = {
  get: (name) => values[name],
  set: (name, value) => {
    values[name] = value;
    if (name === "selected") choose(value);
  },
  save_changes: () => {},
  on: (event, handler) => (handlers[event] ??= new Set()).add(handler),
  off: (event, handler) => handlers[event]?.delete(handler),
};

const put = (name, value) => {
  values[name] = value;
  handlers[`change:${name}`]?.forEach((handler) => handler());
};

const neighbours = new Uint32Array(bytes(spread.neighbours).buffer);
const weights = new Float32Array(bytes(spread.weights).buffer);
const heatmaps = spread.heatmaps.map((text) => new Float32Array(bytes(text).buffer));

/** Of one landmark, or the highest of all: one value for each of the network's points. */
function reduced(heat, landmark) {
  const [n, count] = [heat.length / names.length, names.length];
  return Float32Array.from({ length: n }, (_, i) => {
    if (landmark >= 0) return heat[i * count + landmark];
    let highest = 0;
    for (let l = 0; l < count; l++) highest = Math.max(highest, heat[i * count + l]);
    return highest;
  });
}

function choose(landmark) {
  const [k, size] = [spread.k, neighbours.length / spread.k];
  const heat = new Float32Array(size * heatmaps.length);
  heatmaps.forEach((map, pane) => {
    const from = reduced(map, landmark);
    for (let i = 0; i < size; i++) {
      let sum = 0;
      for (let j = 0; j < k; j++) sum += weights[i * k + j] * from[neighbours[i * k + j]];
      heat[pane * size + i] = sum;
    }
  });
  const { label, notes } = captions[landmark + 1];
  const panes = values.look.panes.map((pane, i) => ({ ...pane, note: notes[i] }));
  const look = { ...values.look, panes, selected: landmark, bar: { ...values.look.bar, label } };
  chooser.value = landmark;
  put("heat", new Uint8Array(heat.buffer));
  put("look", look);
  put("tick", values.tick + 1);
}

const chooser = document.getElementById("landmark");
chooser.append(new Option("all 68 landmarks", -1), ...names.map((name, i) => new Option(`${i} ${name}`, i)));
chooser.value = values.selected;
chooser.addEventListener("change", () => choose(Number(chooser.value)));
document.documentElement.classList.toggle("dark", Boolean(values.look.dark));
VIEWER.render({ model, el: document.getElementById("scene") });
