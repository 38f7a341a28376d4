// Block Kit as DOM. `ctx`: names, press(element, block, value, node), inputs (values of fields, in a view), errors.
import { h } from "./dom.js";
import { emojiText, link, mrkdwn } from "./mrkdwn.js";
import { control } from "./controls.js";
import { markdown } from "./markdown.js";

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

const fileUrl = (image) => image.image_url ?? (image.slack_file?.id ? `/files/${image.slack_file.id}` : image.slack_file?.url);
const unknown = (block) => h("p", {}, `(${block.type} cannot be shown here)`);

function section(block, ctx) {
  const main = h("div", { class: "section-main" });
  if (block.text) main.append(h("div", { class: "text" }, textNode(block.text, ctx)));
  if (block.fields) main.append(h("div", { class: "fields" }, block.fields.map((field) => h("div", { class: "text" }, textNode(field, ctx)))));
  const accessory = block.accessory && h("div", { class: "accessory" }, block.accessory.type === "image" ? picture(block.accessory, "thumb") : control(block.accessory, block, ctx));
  return h("div", {}, main, accessory);
}

function picture(image, kind) {
  return h("img", { src: fileUrl(image), alt: image.alt_text, title: image.alt_text, class: kind, loading: "lazy" });
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

function rich(block, ctx) {
  return h("div", { class: "text" }, block.elements.map((element) => richPart(element, ctx)));
}

function richPart(element, ctx) {
  switch (element.type) {
    case "rich_text_list":
      return h(element.style === "ordered" ? "ol" : "ul", {}, element.elements.map((item) => h("li", {}, richPart(item, ctx))));
    case "rich_text_preformatted": return h("pre", {}, element.elements.map((part) => part.text ?? part.url));
    case "rich_text_quote": return h("blockquote", {}, element.elements.map((part) => richInline(part, ctx)));
    default: return h("div", {}, element.elements.map((part) => richInline(part, ctx)));
  }
}

function richInline(part, ctx) {
  const shown = {
    text: () => document.createTextNode(part.text), link: () => link(part.url, part.text ?? part.url),
    emoji: () => document.createTextNode(emojiText(`:${part.name}:`)),
    user: () => h("span", { class: "mention" }, "@" + ctx.names.user(part.user_id)),
    usergroup: () => h("span", { class: "mention" }, "@" + ctx.names.group(part.usergroup_id)),
    channel: () => h("span", { class: "mention" }, "#" + ctx.names.channel(part.channel_id)),
  }[part.type]();
  const wraps = { bold: "strong", italic: "em", strike: "s", code: "code" };
  return Object.entries(wraps).reduce((node, [style, tag]) => (part.style?.[style] ? h(tag, {}, node) : node), shown);
}

const DRAW = {
  section, input, rich_text: rich,
  header: (block) => h("h3", {}, emojiText(block.text.text)),
  divider: () => h("hr"),
  context: (block, ctx) => h("div", {}, block.elements.map((element) => (element.type === "image" ? picture(element, "tiny") : h("span", {}, textNode(element, ctx))))),
  actions: (block, ctx) => h("div", {}, block.elements.map((element) => control(element, block, ctx))),
  image: (block) => h("figure", {}, block.title ? h("figcaption", {}, emojiText(block.title.text)) : null,
    h("a", { href: fileUrl(block), target: "_blank", rel: "noopener noreferrer" }, picture(block, "full"))),
  markdown: (block) => h("div", { class: "text" }, markdown(block.text)),
};
