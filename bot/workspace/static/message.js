// One message as a row: who, when, what, and its thread.
import { h, post } from "./dom.js";
import { ago, clock, emojiText, mrkdwn } from "./mrkdwn.js";
import { blocks } from "./blocks.js";

export const whenOf = (ts) => new Date(Number(ts) * 1000);

export function avatar(user) {
  return h("span", { class: "avatar", "data-user": user?.id, "aria-hidden": "true" }, user?.profile.avatar_emoji ?? "🤖");
}

export function row(message, app, inThread) {
  const user = app.data.users[message.user];
  const when = whenOf(message.ts);
  const body = h("div", { class: "message-body" },
    message.only_for ? h("p", { class: "only-you" }, "👁 Only visible to you") : null,
    h("p", { class: "byline" }, h("strong", {}, user?.real_name ?? message.user),
      user?.is_bot ? h("span", { class: "badge" }, "APP") : null,
      h("time", { datetime: when.toISOString(), title: when.toString() }, clock(when))),
    content(message, app),
    inThread ? null : threadLink(message, app));
  return h("article", {
    class: `message${message.only_for ? " ephemeral" : ""}`, "data-ts": message.ts, "data-channel": message.channel, tabindex: "-1",
    "aria-label": `${user?.real_name ?? message.user}, ${clock(when)}`,
  }, avatar(user), body, tools(message, app, inThread));
}

function content(message, app) {
  const edited = message.edited ? h("span", { class: "edited", title: whenOf(message.edited.ts).toString() }, "(edited)") : null;
  if (message.blocks) return h("div", {}, blocks(message.blocks, context(message, app)), edited);
  return message.text ? h("div", { class: "text" }, mrkdwn(message.text, app.names), edited ? " " : null, edited) : null;
}

function context(message, app) {
  return {
    names: app.names,
    press: async (element, block, value, node) => {
      node?.classList.add("waiting");
      await post("/control/press", { user: app.me, channel: message.channel, ts: message.ts, shown: message.edited?.ts ?? "", action_id: element.action_id, block_id: block.block_id, value });
      node?.classList.remove("waiting");
    },
  };
}

function threadLink(message, app) {
  if (!message.reply_count) return null;
  const words = message.reply_count === 1 ? "1 reply" : `${message.reply_count} replies`;
  return h("button", { type: "button", class: "thread-link", onclick: () => app.openThread(message.ts) },
    message.reply_users.slice(0, 4).map((id) => avatar(app.data.users[id])), h("span", {}, words),
    h("span", { class: "quiet" }, `last reply ${ago(whenOf(message.latest_reply))}`));
}

function tools(message, app, inThread) {
  if (message.only_for) {
    return h("div", { class: "tools" }, h("button", { type: "button", class: "icon", "aria-label": "Dismiss", title: "Dismiss", onclick: () => app.dismiss(message) }, "✕"));
  }
  if (inThread) return null;
  const reply = h("button", { type: "button", class: "icon", "aria-label": "Reply in a thread", title: "Reply in a thread", onclick: () => app.openThread(message.thread_ts ?? message.ts, true) }, "💬");
  return h("div", { class: "tools" }, reply);
}
