// The help: a button, the key `?`, first steps for newcomers, and keys for undo and redo.

const STYLE = `
  :host { display: flex; align-items: center; }
  .help { display: flex; align-items: center; gap: 8px; font: 13.5px/1.4 'Roboto', system-ui, sans-serif; color: inherit; white-space: nowrap; }
  button { font: inherit; color: inherit; cursor: pointer; border: 1px solid color-mix(in srgb, currentColor 32%, transparent); border-radius: 7px;
    background: none; height: 28px; min-width: 28px; padding: 0 8px; }
  button:hover { background: color-mix(in srgb, currentColor 9%, transparent); }
  button:focus-visible { outline: 2px solid #3e6ff0; outline-offset: 1px; }
  dialog { max-width: 620px; border: 0; border-radius: 12px; padding: 22px 26px; font: 14px/1.5 'Roboto', system-ui, sans-serif;
    color: #1c2330; background: #fff; box-shadow: 0 12px 48px #0006; white-space: normal; }
  dialog.dark { color: #e9edf4; background: #222833; }
  dialog::backdrop { background: #0007; }
  h2 { font-size: 17px; margin: 0 0 8px; font-weight: 600; }
  h3 { font-size: 14px; margin: 14px 0 4px; font-weight: 600; }
  ol { margin: 0; padding-left: 20px; }
  dl { display: grid; grid-template-columns: max-content 1fr; gap: 3px 14px; margin: 0; }
  dt { margin: 0; } dd { margin: 0; }
  kbd { font: 12px/18px ui-monospace, monospace; border: 1px solid color-mix(in srgb, currentColor 35%, transparent); border-radius: 4px; padding: 0 5px; }
  .close { float: right; }
`;
const SEEN = "faceviz-first-steps";
const seen = () => { try { return localStorage.getItem(SEEN); } catch { return "yes"; } };
const remember = () => { try { localStorage.setItem(SEEN, "yes"); } catch { /* a private window forgets */ } };

/** The field that has the focus, inside shadow roots too. */
function focused() {
  let at = document.activeElement;
  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
  return at;
}

const writes = (at) => at && (at.isContentEditable || /^(textarea|select)$/i.test(at.tagName) || (at.tagName === "INPUT" && !/^(range|checkbox|radio|button)$/.test(at.type)));

export function render({ model }) {
  const tag = (name, more = {}) => Object.assign(document.createElement(name), more);
  const host = tag("div", { className: "help" });
  const open = tag("button", { type: "button", textContent: "?", title: "Help: first steps, mouse and keys (?)" });
  open.setAttribute("aria-label", "Help");
  const dialog = tag("dialog");
  dialog.setAttribute("aria-label", "Help");
  const close = tag("button", { type: "button", className: "close", textContent: "Close" });
  const keys = tag("dl");
  for (const [key, text] of model.keys) {
    const name = tag("dt");
    name.append(...key.split(" ").map((part) => tag("kbd", { textContent: part })));
    keys.append(name, tag("dd", { textContent: text }));
  }
  const steps = tag("ol");
  steps.append(...model.steps.map((step) => tag("li", { textContent: step })));
  dialog.append(close, tag("h2", { textContent: "Help" }), tag("h3", { textContent: "First steps" }), steps,
    tag("h3", { textContent: "Mouse and keys" }), keys);

  const dark = () => document.documentElement.getAttribute("data-theme") === "dark" || /dark/.test(document.documentElement.className);
  const show = () => {
    if (dialog.open) return dialog.close();
    host.append(dialog);
    dialog.classList.toggle("dark", dark());
    dialog.showModal();
  };
  open.addEventListener("click", show);
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.remove()); // its button is no part of the header
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  const press = (event) => {
    if (!host.isConnected) return document.removeEventListener("keydown", press);
    if (writes(focused())) return;
    if (event.key === "?") { event.preventDefault(); show(); }
    if (!(event.ctrlKey || event.metaKey) || event.altKey) return;
    const key = event.key.toLowerCase();
    if (key === "z" && !event.shiftKey) model.undo += 1;
    else if (key === "y" || (key === "z" && event.shiftKey)) model.redo += 1;
    else return;
    event.preventDefault();
  };
  document.addEventListener("keydown", press);
  host.append(tag("style", { textContent: STYLE }));
  if (!seen()) {
    const hint = tag("button", { type: "button", className: "hint", textContent: "New here? First steps" });
    hint.addEventListener("click", () => { remember(); hint.remove(); show(); });
    host.append(hint);
    open.addEventListener("click", () => { remember(); hint.remove(); });
  }
  host.append(open);
  return host;
}
