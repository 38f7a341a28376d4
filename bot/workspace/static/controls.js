// Interactive elements: buttons and menus are pressed, the fields of a modal are filled in.
import { byId, h } from "./dom.js";
import { emojiText } from "./mrkdwn.js";
import { textNode } from "./blocks.js";

export function control(element, block, ctx) {
  return DRAW[element.type](element, block, ctx);
}

function button(element, block, ctx) {
  const press = async (event) => {
    const node = event.currentTarget;
    if (!(await agreed(element.confirm))) return;
    if (element.url) window.open(element.url, "_blank", "noopener");
    ctx.press(element, block, undefined, node);
  };
  return h("button", {
    type: "button", class: `button ${element.style ?? ""}`, onclick: press, "data-action-id": element.action_id,
  }, emojiText(element.text.text));
}

function select(element, block, ctx) {
  return choice(element, block, ctx, element.options.map((option) => [option.value, emojiText(option.text.text)]));
}

function choice(element, block, ctx, offered) {
  const now = ctx.value(block, element) ?? "";
  const first = h("option", { value: "", selected: !now }, element.placeholder ? emojiText(element.placeholder.text) : "Choose…");
  const list = offered.map(([value, name]) => h("option", { value, selected: value === now }, name));
  return h("select", { ...common(element, ctx), class: "choice", onchange: (event) => ctx.fill(block, element, event.target.value || null) }, first, list);
}

function overflow(element, block, ctx) {
  const menu = h("details", { class: "overflow", "data-action-id": element.action_id }, h("summary", { "aria-label": "More actions", title: "More actions" }, "⋯"));
  const pick = (option) => async (event) => {
    const node = event.currentTarget;
    menu.open = false;
    if (await agreed(element.confirm)) ctx.press(element, block, option.value, node);
  };
  menu.append(h("div", { class: "menu" }, element.options.map((option) => h("button", { type: "button", onclick: pick(option), "data-value": option.value },
    emojiText(option.text.text), option.description ? h("small", {}, emojiText(option.description.text)) : null))));
  // Near the bottom there is room above only.
  menu.addEventListener("toggle", () => menu.classList.toggle("up", menu.open && menu.getBoundingClientRect().bottom + menu.lastChild.offsetHeight > innerHeight - 90));
  menu.addEventListener("keydown", (event) => { if (event.key === "Escape") { menu.open = false; menu.firstChild.focus(); event.stopPropagation(); event.preventDefault(); } });
  menu.addEventListener("focusout", (event) => { if (!menu.contains(event.relatedTarget)) menu.open = false; });
  return menu;
}

function typed(element, block, ctx) {
  const fill = (event) => ctx.fill(block, element, event.target.value);
  return h(element.multiline ? "textarea" : "input", {
    ...common(element, ctx), rows: 4, maxlength: element.max_length ?? 3000, value: ctx.value(block, element) ?? "", oninput: fill,
    placeholder: element.placeholder && emojiText(element.placeholder.text),
  });
}

function common(element, ctx) {
  return { id: ctx.fieldId, "aria-describedby": ctx.errorId, "aria-invalid": ctx.errorId ? "true" : null, "data-action-id": element.action_id };
}

const DRAW = {
  button, overflow, static_select: select, plain_text_input: typed,
  users_select: (element, block, ctx) => choice(element, block, ctx, ctx.names.people()),
};

// Asks “are you sure?” where the element wants it.
export function agreed(confirm) {
  if (!confirm) return Promise.resolve(true);
  const dialog = byId("confirm");
  const names = { user: (id) => id, channel: (id) => id, group: (id) => id };
  return new Promise((resolve) => {
    const answer = (value) => () => { dialog.dataset.answer = value; dialog.close(); };
    dialog.replaceChildren(
      h("h2", { id: "confirm-title" }, emojiText(confirm.title.text)),
      h("div", { class: "text" }, textNode(confirm.text, { names })),
      h("footer", {},
        h("button", { type: "button", class: "button", onclick: answer("no") }, emojiText(confirm.deny.text)),
        h("button", { type: "button", class: `button ${confirm.style ?? "primary"}`, autofocus: true, onclick: answer("yes") }, emojiText(confirm.confirm.text))));
    dialog.dataset.answer = "no";
    dialog.addEventListener("close", () => resolve(dialog.dataset.answer === "yes"), { once: true });
    dialog.showModal();
  });
}
