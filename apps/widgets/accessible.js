// Names and roles that the framework's own parts lack, so that screen readers can tell what they are.

const LABELS = { ".MuiLinearProgress-root": "Work in progress", ".MuiCircularProgress-root": "Work in progress" };
const ROLES = { ".tabulator-tableholder": "rowgroup", ".tabulator-table": "presentation" };

function* roots(node) {
  yield node;
  for (const inside of node.querySelectorAll("*")) if (inside.shadowRoot) yield* roots(inside.shadowRoot);
}

function mend() {
  for (const root of roots(document)) {
    for (const [css, label] of Object.entries(LABELS)) {
      for (const found of root.querySelectorAll(css)) if (!found.ariaLabel) found.ariaLabel = label;
    }
    for (const [css, role] of Object.entries(ROLES)) {
      for (const found of root.querySelectorAll(css)) found.setAttribute("role", role);
    }
  }
}

export function render() {
  const host = document.createElement("div");
  let waiting = null;
  const soon = () => { waiting ??= setTimeout(() => { waiting = null; if (host.isConnected) mend(); }, 400); };
  for (const event of ["pointerup", "keyup", "focusin"]) document.addEventListener(event, soon, { passive: true });
  for (const delay of [500, 2000, 6000]) setTimeout(mend, delay);
  return host;
}
