// Slack's mrkdwn, as DOM nodes: bold, italic, strike, code, quotes, links, mentions, dates, emoji.
import { EMOJI } from "./emoji.js";
import { h } from "./dom.js";

const TOKEN = new RegExp([
  "```([\\s\\S]+?)```", "`([^`\\n]+)`", "<([^<>\\n]+)>", ":([a-z0-9_+-]+):",
  "(?<![\\w*])\\*([^\\s*](?:[^*\\n]*[^\\s*])?)\\*(?![\\w*])",
  "(?<![\\w_])_([^\\s_](?:[^_\\n]*[^\\s_])?)_(?![\\w_])",
  "(?<![\\w~])~([^\\s~](?:[^~\\n]*[^\\s~])?)~(?![\\w~])",
].join("|"), "g");

const plain = (text) => text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

export function emojiText(text) {
  return plain(text).replace(/:([a-z0-9_+-]+):/g, (whole, name) => EMOJI[name] ?? whole);
}

export function mrkdwn(text, names) {
  const out = document.createDocumentFragment();
  for (const part of text.split(/(```[\s\S]+?```)/)) {
    if (part.startsWith("```")) out.append(inline(part, names));
    else quoted(part, names, out);
  }
  return out;
}

function quoted(text, names, out) {
  let quote = null;
  text.split("\n").forEach((line, index) => {
    const match = /^(?:&gt;|>)\s?(.*)$/.exec(line);
    if (match) {
      if (quote === null) { quote = h("blockquote"); out.append(quote); } else quote.append("\n");
      quote.append(inline(match[1], names));
      return;
    }
    if (index > 0 && quote === null) out.append("\n");
    quote = null;
    out.append(inline(line, names));
  });
}

function inline(text, names) {
  const out = document.createDocumentFragment();
  let last = 0;
  for (const match of text.matchAll(TOKEN)) {
    out.append(plain(text.slice(last, match.index)));
    last = match.index + match[0].length;
    const [whole, block, code, entity, emoji, bold, italic, strike] = match;
    if (block !== undefined) out.append(h("pre", {}, plain(block.replace(/^\n/, ""))));
    else if (code !== undefined) out.append(h("code", {}, plain(code)));
    else if (entity !== undefined) out.append(angled(entity, names));
    else if (emoji !== undefined) out.append(EMOJI[emoji] ?? whole);
    else if (bold !== undefined) out.append(h("strong", {}, inline(bold, names)));
    else if (italic !== undefined) out.append(h("em", {}, inline(italic, names)));
    else out.append(h("s", {}, inline(strike, names)));
  }
  out.append(plain(text.slice(last)));
  return out;
}

function angled(entity, names) {
  const [target, ...rest] = entity.split("|");
  const label = rest.join("|");
  if (target.startsWith("@")) return mention("@" + names.user(target.slice(1)));
  if (target.startsWith("#")) return mention("#" + (label || names.channel(target.slice(1))));
  if (target.startsWith("!subteam^")) return mention("@" + names.group(target.slice(9)));
  if (target.startsWith("!date^")) return date(target.slice(6), label);
  if (target.startsWith("!")) return mention("@" + target.slice(1));
  return link(target, label ? emojiText(label) : plain(target));
}

const mention = (text) => h("span", { class: "mention" }, text);

export function link(url, label) {
  const address = plain(url);
  if (!/^(https?:|mailto:)/.test(address)) return typeof label === "string" ? document.createTextNode(label) : label;
  return h("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, label);
}

function date(spec, fallback) {
  const [seconds, format, url] = spec.split("^");
  const when = new Date(Number(seconds) * 1000);
  if (Number.isNaN(when.getTime())) return document.createTextNode(plain(fallback));
  const text = (format ?? "").replace(/\{(\w+)\}/g, (whole, name) => DATES[name]?.(when) ?? whole);
  const node = h("time", { datetime: when.toISOString(), title: when.toString() }, plain(text));
  return url ? link(url, node) : node;
}

const spell = (options) => (when) => new Intl.DateTimeFormat("en", options).format(when);
const daysAway = (when) => Math.round((new Date(when).setHours(0, 0, 0, 0) - new Date().setHours(0, 0, 0, 0)) / 864e5);
const pretty = (format) => (when) => ({ "-1": "yesterday", 0: "today", 1: "tomorrow" })[daysAway(when)] ?? format(when);
const long = spell({ weekday: "long", day: "numeric", month: "long", year: "numeric" });
const middle = spell({ day: "numeric", month: "long", year: "numeric" });
const short = spell({ day: "numeric", month: "short", year: "numeric" });
export const clock = spell({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

const DATES = {
  date_num: (when) => when.toISOString().slice(0, 10), date: middle, date_short: short, date_long: long,
  date_pretty: pretty(middle), date_short_pretty: pretty(short), date_long_pretty: pretty(long),
  time: clock, time_secs: spell({ hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" }),
  ago: (when) => ago(when),
};

export const dayLabel = (when) => pretty(long)(when);

export function ago(when) {
  const seconds = (when - Date.now()) / 1000;
  const [size, unit] = [[86400, "day"], [3600, "hour"], [60, "minute"], [1, "second"]].find(([s]) => Math.abs(seconds) >= s) ?? [1, "second"];
  return new Intl.RelativeTimeFormat("en", { numeric: "auto" }).format(Math.round(seconds / size), unit);
}
