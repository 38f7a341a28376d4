// The markdown block: headings, lists, tables, fenced code, quotes; bold, italic, code, links within a line.
import { h } from "./dom.js";
import { emojiText, link } from "./mrkdwn.js";

export function markdown(text) {
  const out = document.createDocumentFragment();
  for (const part of text.split(/(```[^\n]*\n[\s\S]*?```)/)) {
    if (part.startsWith("```")) out.append(h("pre", {}, part.replace(/^```[^\n]*\n/, "").replace(/\n?```$/, "")));
    else for (const paragraph of part.split(/\n{2,}/)) if (paragraph.trim()) out.append(...lines(paragraph.trim().split("\n")));
  }
  return out;
}

function lines(all) {
  const start = all.findIndex((line, index) => line.includes("|") && /^[\s|:-]*-[\s|:-]*$/.test(all[index + 1] ?? ""));
  if (start >= 0) {
    const length = all.slice(start).findIndex((line) => !line.includes("|"));
    const end = length < 0 ? all.length : start + length;
    return [...lines(all.slice(0, start)), table(all.slice(start, end)), ...lines(all.slice(end))];
  }
  const out = [];
  for (const line of all) {
    const heading = /^#{1,6}\s+(.*)$/.exec(line);
    const item = /^\s*(?:[-*]|(\d+)\.)\s+(.*)$/.exec(line);
    const quote = /^>\s?(.*)$/.exec(line);
    const tag = item && (item[1] ? "ol" : "ul");
    const last = out.at(-1);
    if (heading) out.push(h("h4", {}, inline(heading[1])));
    else if (item && last?.localName === tag) last.append(h("li", {}, inline(item[2])));
    else if (item) out.push(h(tag, {}, h("li", {}, inline(item[2]))));
    else if (quote) out.push(h("blockquote", {}, inline(quote[1])));
    else if (last?.localName === "p") last.append("\n", inline(line));
    else out.push(h("p", {}, inline(line)));
  }
  return out;
}

function table(rows) {
  const cells = (row) => row.trim().replace(/^\||\|$/g, "").split("|").map((cell) => cell.trim());
  return h("div", { class: "table" }, h("table", {},
    h("thead", {}, h("tr", {}, cells(rows[0]).map((cell) => h("th", {}, inline(cell))))),
    h("tbody", {}, rows.slice(2).map((row) => h("tr", {}, cells(row).map((cell) => h("td", {}, inline(cell))))))));
}

function inline(text) {
  const out = document.createDocumentFragment();
  let last = 0;
  for (const match of text.matchAll(/\*\*(.+?)\*\*|`([^`]+)`|\[([^\]]+)\]\(([^)\s]+)\)|(?<!\w)[*_](.+?)[*_](?!\w)/g)) {
    out.append(emojiText(text.slice(last, match.index)));
    last = match.index + match[0].length;
    const [, bold, code, label, url, italic] = match;
    if (bold) out.append(h("strong", {}, inline(bold)));
    else if (code) out.append(h("code", {}, code));
    else if (label) out.append(link(url, label));
    else out.append(h("em", {}, inline(italic)));
  }
  out.append(emojiText(text.slice(last)));
  return out;
}
