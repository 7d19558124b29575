// Rows of a label, a slider, a number and a reset button; `values` follows every move, the first at once, then at most
// once a frame.

const STYLE = `
  .rows { --track: color-mix(in srgb, currentColor 22%, transparent); display: grid; grid-template-columns: max-content 1fr 74px 26px; gap: 5px 9px; align-items: center; padding: 2px 10px;
    font: 13px/1.3 'Roboto', system-ui, sans-serif; }
  label { white-space: nowrap; }
  input { font: inherit; color: inherit; min-width: 0; }
  input[type=range] { width: 100%; height: 22px; margin: 0; cursor: pointer; appearance: none; background: none; }
  input[type=range]::-webkit-slider-runnable-track { height: 4px; border-radius: 2px; background: var(--track); }
  input[type=range]::-moz-range-track { height: 4px; border-radius: 2px; background: var(--track); }
  input[type=range]::-webkit-slider-thumb { appearance: none; width: 15px; height: 15px; margin-top: -5.5px; border: 0;
    border-radius: 50%; background: #3e6ff0; box-shadow: 0 1px 3px #0006; }
  input[type=range]::-moz-range-thumb { width: 15px; height: 15px; border: 0; border-radius: 50%; background: #3e6ff0; }
  .number { display: flex; align-items: center; border: 1px solid color-mix(in srgb, currentColor 24%, transparent);
    border-radius: 6px; padding: 0 6px; height: 26px; box-sizing: border-box; }
  .number:focus-within { border-color: #3e6ff0; box-shadow: 0 0 0 1px #3e6ff0; }
  input[type=number] { width: 100%; border: 0; background: none; outline: none; text-align: right; padding: 0;
    font-variant-numeric: tabular-nums; appearance: textfield; -moz-appearance: textfield; }
  input[type=number]::-webkit-inner-spin-button { appearance: none; margin: 0; }
  .number span { opacity: .62; padding-left: 3px; font-size: 12px; }
  button { width: 26px; height: 26px; padding: 0; border: 0; border-radius: 6px; background: none; color: inherit; opacity: .55;
    cursor: pointer; font-size: 15px; }
  button:hover, button:focus-visible { opacity: 1; background: color-mix(in srgb, currentColor 10%, transparent); }
  input[type=range]:focus-visible, button:focus-visible { outline: 2px solid #3e6ff0; outline-offset: 1px; }
`;

const tag = (name, attributes) => Object.assign(document.createElement(name), attributes);

export function render({ model }) {
  const box = tag("div", { className: "rows" });
  let fields = [];
  let frame = null;

  const send = (index, value) => {
    const { min, max } = model.rows[index];
    if (!Number.isFinite(value)) return fill();
    const values = [...(send.waiting ?? model.values)];
    values[index] = Math.min(Math.max(value, min), max);
    send.waiting = values;
    show(index, values[index]);
    if (frame === null) flush();
  };

  const flush = () => {
    model.values = send.waiting;
    send.waiting = null;
    frame = requestAnimationFrame(() => {
      frame = null;
      if (send.waiting) flush();
    });
  };

  const show = (index, value) => {
    const { range, number, typing } = fields[index];
    range.value = value;
    if (!typing) number.value = +value.toFixed(model.rows[index].digits);
  };

  const fill = () => fields.forEach((_, index) => show(index, (send.waiting ?? model.values)[index]));

  const build = () => {
    box.replaceChildren();
    fields = model.rows.map((row, index) => {
      const id = `slider-${index}`;
      const limits = { min: row.min, max: row.max, step: row.step };
      const range = tag("input", { type: "range", id, ...limits });
      const number = tag("input", { type: "number", ...limits, step: "any" });
      const reset = tag("button", { type: "button", textContent: "\u21ba", title: `Reset: ${row.label}` });
      const holder = tag("div", { className: "number" });
      number.setAttribute("aria-label", `${row.label}${row.unit ? `, ${row.unit_name || row.unit}` : ""}`);
      reset.setAttribute("aria-label", reset.title);
      range.addEventListener("input", () => send(index, range.valueAsNumber));
      const type = (typing) => { fields[index].typing = typing; }; // what is being typed is not written over
      number.addEventListener("input", () => type(true));
      number.addEventListener("change", () => { type(false); send(index, number.valueAsNumber); });
      number.addEventListener("blur", () => { type(false); fill(); });
      reset.addEventListener("click", () => send(index, row.rest));
      holder.append(number, tag("span", { textContent: row.unit }));
      box.append(tag("label", { htmlFor: id, textContent: row.label }), range, holder, reset);
      return { range, number, typing: false };
    });
    fill();
  };

  model.on("rows", build);
  model.on("values", fill);
  build();
  const host = tag("div", {});
  host.append(tag("style", { textContent: STYLE }), box);
  return host;
}
