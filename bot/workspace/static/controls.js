// Interactive elements. In an `input` block a change only fills the field; elsewhere it is a press.
import { byId, h } from "./dom.js";
import { emojiText } from "./mrkdwn.js";
import { textNode } from "./blocks.js";

export function control(element, block, ctx) {
  return DRAW[element.type](element, block, ctx);
}

// What a change of the field does; the stored value is what the workspace takes: an option's value, a list, a text.
function changed(element, block, ctx) {
  return async (event, value) => {
    ctx.fill?.(block, element, value);
    if (block.type === "input" && !block.dispatch_action) return;
    if (await agreed(element.confirm)) ctx.press(element, block, value, event.currentTarget);
    else if (event.currentTarget?.tagName === "SELECT") event.currentTarget.value = "";
  };
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
    "aria-label": element.accessibility_label,
  }, emojiText(element.text.text));
}

const optionsOf = (element) => element.options ?? element.option_groups.flatMap((group) => group.options);

function select(element, block, ctx) {
  const now = ctx.value?.(block, element) ?? element.initial_option?.value ?? "";
  const item = (option) => h("option", { value: option.value, selected: option.value === now }, emojiText(option.text.text));
  const list = element.options
    ? element.options.map(item)
    : element.option_groups.map((group) => h("optgroup", { label: group.label.text }, group.options.map(item)));
  return choice(element, block, ctx, list, now);
}

function users(element, block, ctx) {
  const now = ctx.value?.(block, element) ?? element.initial_user ?? "";
  const list = ctx.names.people().map(([id, name]) => h("option", { value: id, selected: id === now }, name));
  return choice(element, block, ctx, list, now);
}

function choice(element, block, ctx, list, now) {
  const change = changed(element, block, ctx);
  const first = h("option", { value: "", selected: !now }, element.placeholder ? emojiText(element.placeholder.text) : "Choose…");
  return h("select", { ...common(element, ctx), class: "choice", onchange: (event) => change(event, event.target.value || null) }, first, list);
}

function several(element, block, ctx) {
  const now = ctx.value?.(block, element) ?? (element.initial_options ?? []).map((option) => option.value);
  return ticks(element, block, ctx, now, "checkbox", optionsOf(element));
}

function radios(element, block, ctx) {
  const now = ctx.value?.(block, element) ?? element.initial_option?.value;
  return ticks(element, block, ctx, now ? [now] : [], "radio", element.options);
}

function ticks(element, block, ctx, now, type, options) {
  const change = changed(element, block, ctx);
  const name = `${block.block_id}-${element.action_id}`;
  const group = h("div", { class: "ticks", role: type === "radio" ? "radiogroup" : "group", id: ctx.fieldId, "data-action-id": element.action_id,
    "aria-labelledby": ctx.labelId, "aria-describedby": ctx.errorId });
  const react = (event) => {
    const on = [...group.querySelectorAll("input:checked")].map((box) => box.value);
    change(event, type === "radio" ? on[0] ?? null : on);
  };
  group.append(...options.map((option) => h("label", {},
    h("input", { type, name, value: option.value, checked: now.includes(option.value), onchange: react }),
    h("span", {}, textNode(option.text, ctx), option.description ? h("small", {}, textNode(option.description, ctx)) : null))));
  return group;
}

function overflow(element, block, ctx) {
  const menu = h("details", { class: "overflow", "data-action-id": element.action_id }, h("summary", { "aria-label": "More actions", title: "More actions" }, "⋯"));
  const pick = (option) => async (event) => {
    const node = event.currentTarget;
    menu.open = false;
    if (option.url) window.open(option.url, "_blank", "noopener");
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

function typed(element, block, ctx, tag, extra) {
  const now = ctx.value?.(block, element) ?? element.initial_value ?? "";
  const fill = (event) => ctx.fill?.(block, element, event.target.value);
  const change = changed(element, block, ctx);
  const enter = (event) => { if (event.key === "Enter" && block.dispatch_action) { event.preventDefault(); change(event, event.target.value); } };
  return h(tag, { ...common(element, ctx), ...extra, value: now, oninput: fill, onkeydown: enter, placeholder: element.placeholder && emojiText(element.placeholder.text) });
}

function common(element, ctx) {
  return { id: ctx.fieldId, "aria-describedby": ctx.errorId, "aria-invalid": ctx.errorId ? "true" : null, autofocus: element.focus_on_load, "data-action-id": element.action_id };
}

function day(element, block, ctx) {
  const change = changed(element, block, ctx);
  return h("input", { ...common(element, ctx), type: "date", value: ctx.value?.(block, element) ?? element.initial_date ?? "", onchange: (event) => change(event, event.target.value || null) });
}

const DRAW = {
  button, overflow, static_select: select, users_select: users, multi_static_select: several, checkboxes: several,
  radio_buttons: radios, datepicker: day,
  plain_text_input: (element, block, ctx) => typed(element, block, ctx, element.multiline ? "textarea" : "input", { rows: 4, maxlength: element.max_length ?? 3000 }),
  number_input: (element, block, ctx) => typed(element, block, ctx, "input", { inputmode: element.is_decimal_allowed ? "decimal" : "numeric" }),
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
