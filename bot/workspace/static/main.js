// The page: which place is shown, to whom, and what changes while one looks.
import { byId, h, post, toast } from "./dom.js";
import { onceLetGo } from "./hold.js";
import { dayLabel } from "./mrkdwn.js";
import { row, whenOf } from "./message.js";
import { blocks } from "./blocks.js";
import { composers } from "./composer.js";
import { showModal } from "./modal.js";

const app = { data: null, me: localStorage.getItem("me") ?? "U-oncall", channel: "C-recsysops", home: false, thread: null, openThread, dismiss };
const messages = new Map(); // "channel/ts" → message
const keyOf = (message) => `${message.channel}/${message.ts}`;
const later = (a, b) => Number(a.ts) - Number(b.ts);

app.names = {
  user: (id) => app.data.users[id]?.real_name ?? id,
  channel: (id) => app.data.channels[id]?.name ?? id,
  group: (id) => app.data.groups[id]?.handle ?? id,
  people: () => Object.values(app.data.users).filter((user) => !user.is_bot).map((user) => [user.id, user.real_name]),
};

async function load() {
  const response = await fetch(`/everything?user=${encodeURIComponent(app.me)}`);
  if (!response.ok) { app.me = "U-oncall"; localStorage.setItem("me", app.me); return load(); }
  app.data = await response.json();
  messages.clear();
  for (const message of app.data.messages) messages.set(keyOf(message), message);
  followAddress();
  showModal(app.data.views, app.me, app.names);
}

function followAddress() {
  const place = decodeURIComponent(location.hash.slice(1));
  app.home = place === "home";
  const known = app.data.channels[place];
  if (known && (!known.is_im || known.user === app.me)) app.channel = place;
  else if (!app.home) app.channel = "C-recsysops";
  app.thread = null;
  drawAll();
  if (app.home) post("/control/open_home", { user: app.me });
}

function drawAll() { drawSidebar(); drawHeading(); drawMessages(); drawThread(); drawHome(); }

function inChannel(channel) {
  return [...messages.values()].filter((m) => m.channel === channel && !m.deleted && (!m.thread_ts || m.thread_ts === m.ts)).sort(later);
}

const readKey = (channel) => `read/${app.me}/${channel}`;
const unread = (channel) => inChannel(channel).filter((m) => m.user !== app.me && Number(m.ts) > Number(localStorage.getItem(readKey(channel)) ?? 0)).length;

function drawSidebar() {
  byId("team").textContent = app.data.team;
  const direct = Object.values(app.data.channels).find((channel) => channel.user === app.me);
  const entry = (address, sign, name, here, count) => h("li", {}, h("a", { href: `#${address}`, class: count ? "unread" : "", "aria-current": here ? "page" : null },
    h("span", { class: "sign", "aria-hidden": "true" }, sign), h("span", {}, name), count ? h("span", { class: "count", "aria-label": `${count} unread` }, String(count)) : null));
  byId("channels").replaceChildren(...Object.values(app.data.channels).filter((channel) => !channel.is_im)
    .map((channel) => entry(channel.id, "#", channel.name, !app.home && app.channel === channel.id, unread(channel.id))));
  byId("apps").replaceChildren(
    entry("home", "⌂", `${app.data.app} · Home`, app.home, 0),
    entry(direct.id, "✉", `${app.data.app} · Messages`, !app.home && app.channel === direct.id, unread(direct.id)));
  byId("me").replaceChildren(...app.names.people().map(([id, name]) => h("option", { value: id, selected: id === app.me }, `${app.data.users[id].profile.avatar_emoji}  ${name}`)));
  byId("my-title").textContent = app.data.users[app.me].profile.title;
  const total = Object.keys(app.data.channels).filter((id) => !app.data.channels[id].is_im).reduce((sum, id) => sum + unread(id), 0);
  document.title = `${total ? `(${total}) ` : ""}${app.data.team}`;
}

function drawHeading() {
  const channel = app.data.channels[app.channel];
  byId("place").textContent = app.home || channel.is_im ? app.data.app : `# ${channel.name}`;
  byId("topic").textContent = app.home ? "Home: what is open, and what is yours" : channel.topic?.value ?? "Only you and the app";
  byId("composer-text").placeholder = channel.is_im ? `Message ${app.data.app}` : `Message #${channel.name}, or / for commands`;
  byId("messages").hidden = byId("composer").hidden = app.home;
  byId("home").hidden = !app.home;
}

function drawMessages() {
  const list = byId("messages");
  const found = inChannel(app.channel);
  list.replaceChildren(...withDays(found, (message) => row(message, app, false)));
  if (!found.length) list.append(emptyPlace());
  showNewest(list);
  markRead();
}

function emptyPlace() {
  const channel = app.data.channels[app.channel];
  const hint = (key, text) => h("li", {}, h("kbd", {}, key), h("span", {}, text));
  return h("div", { class: "empty" },
    h("img", { src: "/static/icon.svg", alt: "", width: 56, height: 56 }),
    h("h2", {}, channel.is_im ? `You and ${app.data.app}` : `This is #${channel.name}`),
    h("p", { class: "quiet" }, channel.is_im ? "What concerns you alone is said here." : "Quiet so far. Incidents post themselves here when they are noticed."),
    h("ul", {}, hint("/", "asks the app: status, an incident, a report"), hint("You are", "at the left: act as another person"), hint("Home", "what is open, and what is yours")));
}

// The newest message; one taller than the window is shown from its head, where it says what it is about.
function showNewest(list) {
  list.scrollTop = list.scrollHeight;
  const last = list.lastElementChild;
  if (last && last.offsetHeight > list.clientHeight) last.scrollIntoView({ block: "start" });
}

function withDays(found, draw) {
  let day = "";
  return found.flatMap((message) => {
    const label = dayLabel(whenOf(message.ts));
    const divider = label === day ? [] : [h("p", { class: "day" }, h("span", {}, label[0].toUpperCase() + label.slice(1)))];
    day = label;
    return [...divider, draw(message)];
  });
}

function markRead() {
  const last = inChannel(app.channel).at(-1);
  if (!app.home && last && document.visibilityState === "visible") { localStorage.setItem(readKey(app.channel), last.ts); drawSidebar(); }
}

function drawThread() {
  const pane = byId("thread");
  pane.hidden = !app.thread || app.home;
  document.body.classList.toggle("with-thread", !pane.hidden);
  if (pane.hidden) return;
  byId("thread-place").textContent = `#${app.data.channels[app.channel].name ?? app.data.app}`;
  const all = [...messages.values()].filter((m) => m.channel === app.channel && !m.deleted && (m.ts === app.thread || m.thread_ts === app.thread)).sort(later);
  const list = byId("thread-messages");
  list.replaceChildren(...all.map((message) => row(message, app, true)));
  list.children[0]?.after(h("p", { class: "day" }, h("span", {}, all.length === 2 ? "1 reply" : `${all.length - 1} replies`)));
  list.scrollTop = list.scrollHeight;
}

function openThread(ts, type = false) {
  app.thread = ts;
  drawThread();
  if (type) byId("thread-text").focus();
}

function dismiss(message) { messages.delete(keyOf(message)); drawMessages(); drawThread(); }

function drawHome() {
  if (!app.home) return;
  const view = app.data.home;
  byId("home").replaceChildren(view ? blocks(view.blocks, { names: app.names }) : h("div", { class: "empty" }, h("p", {}, "The app has not published its Home yet.")));
}

function arrive(message) {
  if (message.only_for && message.only_for !== app.me) return;
  const isNew = !messages.has(keyOf(message));
  if (message.deleted) messages.delete(keyOf(message)); else messages.set(keyOf(message), message);
  if (message.channel === app.channel) {
    const inThread = message.ts === app.thread || message.thread_ts === app.thread;
    if (isNew || message.deleted) {
      if (!message.thread_ts || message.thread_ts === message.ts) keepPlace(byId("messages"), drawMessages);
      if (inThread) drawThread();
    } else {
      replace(byId("messages"), message, false);
      if (inThread) replace(byId("thread-messages"), message, true);
    }
  }
  drawSidebar();
}

// Who reads further up is not torn down to the newest message.
function keepPlace(list, draw) {
  const above = list.scrollHeight - list.scrollTop - list.clientHeight > 80 ? list.scrollTop : null;
  draw();
  if (above !== null) list.scrollTop = above;
}

function replace(list, message, inThread) {
  const old = list.querySelector(`[data-ts="${CSS.escape(message.ts)}"]`);
  if (!old) return;
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 80;
  const action = old.contains(document.activeElement) ? document.activeElement.dataset.actionId : null;
  const fresh = row(message, app, inThread);
  old.replaceWith(fresh);
  if (action) fresh.querySelector(`[data-action-id="${CSS.escape(action)}"]`)?.focus();
  if (atEnd) showNewest(list);
}

function listen() {
  const source = new EventSource("/live");
  let lost = false;
  source.onopen = () => { byId("link-state").textContent = "live"; byId("link-state").className = "on"; if (lost) load(); lost = false; };
  source.onerror = () => { byId("link-state").textContent = "reconnecting…"; byId("link-state").className = ""; lost = true; };
  source.onmessage = (event) => { const change = JSON.parse(event.data); onceLetGo(() => show(change)); };
}

function show(change) {
  if (change.kind === "message") arrive(change.message);
  else if (change.user !== app.me) return;
  else if (change.kind === "views") showModal(change.views, app.me, app.names);
  else if (change.kind === "home") { app.data.home = change.view; drawHome(); }
  else if (change.kind === "notice") toast(change.text);
}

byId("me").addEventListener("change", (event) => { app.me = event.target.value; localStorage.setItem("me", app.me); app.thread = null; load(); });
byId("thread-close").addEventListener("click", () => { app.thread = null; drawThread(); byId("composer-text").focus(); });
byId("thread").addEventListener("keydown", (event) => { if (event.key === "Escape") byId("thread-close").click(); });
// A picture that arrives late must not push the newest message out of sight.
for (const id of ["messages", "thread-messages"]) {
  const list = byId(id);
  list.addEventListener("load", () => { if (list.scrollHeight - list.scrollTop - list.clientHeight < 500) showNewest(list); }, true);
}
addEventListener("hashchange", followAddress);
addEventListener("visibilitychange", () => app.data && markRead());
composers(app);
await load();
listen();
