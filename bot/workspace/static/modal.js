// The modal on top of a person's stack: drawn anew when the app changes it, what was typed is kept.
import { byId, h, post } from "./dom.js";
import { emojiText } from "./mrkdwn.js";
import { blocks } from "./blocks.js";

let shown = null; // {view, typed, settled}

export function showModal(views, me, names) {
  const dialog = byId("modal");
  const view = views.at(-1);
  if (!view) {
    shown = null;
    if (dialog.open) dialog.close();
    return;
  }
  const typed = shown?.view.id === view.id ? shown.typed : {};
  shown = { view, typed, me };
  draw(dialog, view, typed, me, names);
  if (!dialog.open) dialog.showModal();
  (dialog.querySelector("[aria-invalid]") ?? dialog.querySelector("[autofocus], .body input, .body textarea, .body select"))?.focus();
}

function draw(dialog, view, typed, me, names) {
  const focused = dialog.contains(document.activeElement) ? document.activeElement.id : null;
  const submit = view.submit && h("button", { type: "submit", class: "button primary" }, emojiText(view.submit.text));
  const form = h("form", { novalidate: true, onsubmit: (event) => send(event, view, typed, me, submit) },
    h("header", {}, h("h2", { id: "modal-title" }, emojiText(view.title.text)),
      h("button", { type: "button", class: "icon", "aria-label": "Close", onclick: () => leave(view, me) }, "✕")),
    h("div", { class: "body" },
      view.errors?.[""] ? h("p", { class: "trouble", role: "alert" }, view.errors[""]) : null,
      blocks(view.blocks, context(view, typed, me, names))),
    h("footer", {}, h("button", { type: "button", class: "button", onclick: () => leave(view, me) }, emojiText(view.close?.text ?? "Cancel")), submit));
  dialog.replaceChildren(form);
  dialog.oncancel = (event) => { event.preventDefault(); leave(view, me); };
  if (focused) byId(focused)?.focus();
}

function context(view, typed, me, names) {
  return {
    names, errors: view.errors,
    value: (block, element) => typed[block.block_id]?.[element.action_id] ?? entryValue(view.state.values[block.block_id]?.[element.action_id]),
    fill: (block, element, value) => { (typed[block.block_id] ??= {})[element.action_id] = value; },
  };
}

const entryValue = (entry) => entry?.selected_option?.value ?? entry?.selected_user ?? entry?.value;

async function send(event, view, typed, me, submit) {
  event.preventDefault();
  if (!submit) return;
  submit.disabled = true;
  submit.classList.add("waiting");
  await post("/control/submit", { user: me, values: typed });
  submit.disabled = false;
  submit.classList.remove("waiting");
}

const leave = (view, me) => post("/control/close", { user: me });
