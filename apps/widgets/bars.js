// One bar a landmark, the worst first; a bar is a button that chooses its landmark.

const STYLE = `
  .bars { --bar: #3e6ff0; --bad: #c62f3c; font: 12.5px/20px 'Roboto', system-ui, sans-serif; padding: 2px 8px 8px; margin: 0; list-style: none; }
  :host([data-dark]) .bars { --bar: #8fb0ff; --bad: #ff7b86; }
  li { margin: 0; }
  button { display: grid; grid-template-columns: 26px 128px 1fr 44px; gap: 6px; align-items: center; width: 100%; height: 21px; padding: 0 4px;
    border: 0; border-radius: 5px; background: none; color: inherit; font: inherit; text-align: left; cursor: pointer; }
  button:hover { background: color-mix(in srgb, currentColor 8%, transparent); }
  button[aria-pressed="true"] { background: color-mix(in srgb, currentColor 15%, transparent); font-weight: 600; }
  button:focus-visible { outline: 2px solid var(--bar); outline-offset: -2px; }
  .name { white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
  .number, .index { text-align: right; font-variant-numeric: tabular-nums; }
  .track { height: 9px; border-radius: 2px; background: color-mix(in srgb, currentColor 9%, transparent); position: relative; }
  .track i { position: absolute; inset: 0 auto 0 0; border-radius: 2px; background: var(--bar); }
  .suspect .track i { background: var(--bad); }
  .suspect .name::before { content: "\\26A0 "; color: var(--bad); }
  p { margin: 2px 12px 4px; font: 13px/1.5 'Roboto', system-ui, sans-serif; opacity: .75; }
`;

export function render({ model, el }) {
  const sheet = Object.assign(document.createElement("style"), { textContent: STYLE });
  const list = Object.assign(document.createElement("ul"), { className: "bars" });
  const caption = document.createElement("p");
  const host = document.createElement("div");
  host.append(sheet, caption, list);

  const part = (tag, className, text = "") => Object.assign(document.createElement(tag), { className, textContent: text });

  const row = ({ landmark, name, share, text, title, suspect }) => {
    const item = document.createElement("li");
    const button = part("button", suspect ? "suspect" : "");
    button.type = "button";
    button.dataset.landmark = landmark;
    button.title = title;
    button.setAttribute("aria-label", title);
    const track = part("span", "track");
    const bar = document.createElement("i");
    bar.style.width = `${100 * share}%`;
    track.append(bar);
    button.append(part("span", "index", landmark), part("span", "name", name), track, part("span", "number", text));
    button.addEventListener("click", () => {
      model.chosen = model.selected === landmark ? -1 : landmark;
      model.clicks += 1;
    });
    item.append(button);
    return item;
  };

  const press = () => {
    for (const button of list.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(Number(button.dataset.landmark) === model.selected));
    }
  };
  const fill = () => {
    list.setAttribute("aria-label", model.label);
    caption.textContent = model.label;
    list.replaceChildren(...model.rows.map(row));
    press();
  };
  model.on("rows", fill);
  model.on("label", fill);
  model.on("selected", press);
  fill();
  return host;
}
