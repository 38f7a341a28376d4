// Block Kit as DOM. `ctx`: names, press(element, block, value, node), value and fill (of fields, in a modal), errors.
import { h } from "./dom.js";
import { emojiText, mrkdwn } from "./mrkdwn.js";
import { control } from "./controls.js";

export function blocks(list, ctx) {
  return h("div", { class: "blocks" }, list.map((block) => {
    const node = (DRAW[block.type] ?? unknown)(block, ctx);
    node.classList.add("block", `block-${block.type}`);
    node.dataset.blockId = block.block_id ?? "";
    return node;
  }));
}

export function textNode(object, ctx) {
  if (!object) return null;
  return object.type === "mrkdwn" ? mrkdwn(object.text, ctx.names) : document.createTextNode(emojiText(object.text));
}

const fileUrl = (image) => `/files/${image.slack_file.id}`;
const unknown = (block) => h("p", {}, `(${block.type} cannot be shown here)`);

function section(block, ctx) {
  const main = h("div", { class: "section-main" }, h("div", { class: "text" }, textNode(block.text, ctx)));
  return h("div", {}, main, block.accessory && h("div", { class: "accessory" }, control(block.accessory, block, ctx)));
}

function input(block, ctx) {
  const error = ctx.errors?.[block.block_id];
  const id = `field-${block.block_id}`;
  const field = control(block.element, block, { ...ctx, fieldId: id, labelId: `${id}-label`, errorId: error ? `${id}-error` : null });
  const label = h("label", { for: id, id: `${id}-label` }, textNode(block.label, ctx), block.optional ? h("span", { class: "optional" }, " (optional)") : null);
  return h("div", { class: error ? "wrong" : "" }, label, field,
    error ? h("p", { class: "error", id: `${id}-error` }, error) : null,
    block.hint ? h("p", { class: "hint" }, textNode(block.hint, ctx)) : null);
}

const DRAW = {
  section, input,
  header: (block) => h("h3", {}, emojiText(block.text.text)),
  divider: () => h("hr"),
  context: (block, ctx) => h("div", {}, block.elements.map((element) => h("span", {}, textNode(element, ctx)))),
  actions: (block, ctx) => h("div", {}, block.elements.map((element) => control(element, block, ctx))),
  image: (block) => h("figure", {}, block.title ? h("figcaption", {}, emojiText(block.title.text)) : null,
    h("a", { href: fileUrl(block), target: "_blank", rel: "noopener noreferrer" },
      h("img", { src: fileUrl(block), alt: block.alt_text, title: block.alt_text, class: "full", loading: "lazy" }))),
};
