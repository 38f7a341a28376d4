// The boxes one types into: messages, replies, and slash commands with completion.
import { byId, h, post, toast } from "./dom.js";

const COMMANDS = [
  ["/recsysops status", "what is open now"],
  ["/recsysops incident ", "one incident, by its number"],
  ["/recsysops declare ", "open an incident by hand"],
  ["/recsysops report ", "the report of an incident"],
  ["/recsysops help", "all that can be asked"],
];

export function composers(app) {
  // First, so that Enter takes a completion rather than sending half a command.
  completion(byId("composer-text"), byId("completions"));
  compose(byId("composer"), byId("composer-text"), (text) => sendHere(app, text));
  compose(byId("thread-composer"), byId("thread-text"), (text) => {
    if (text.startsWith("/")) return toast("Commands do not work in threads; use the box of the channel.");
    return post("/control/say", { user: app.me, channel: app.channel, text, thread_ts: app.thread });
  });
}

function sendHere(app, text) {
  const command = /^(\/[\w-]+)\s*([\s\S]*)$/.exec(text);
  if (!command) return post("/control/say", { user: app.me, channel: app.channel, text });
  return post("/control/command", { user: app.me, channel: app.channel, command: command[1], text: command[2].trim() });
}

function compose(form, box, send) {
  const fit = () => { box.style.height = "auto"; box.style.height = `${Math.min(box.scrollHeight, 180)}px`; };
  box.addEventListener("input", fit);
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.defaultPrevented) return;
    event.preventDefault();
    form.requestSubmit();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = box.value.trim();
    if (!text) return;
    box.value = "";
    box.dispatchEvent(new Event("input"));
    send(text);
  });
}

function completion(box, list) {
  let chosen = -1;
  const matches = () => (box.value.startsWith("/") ? COMMANDS.filter(([command]) => command.startsWith(box.value) && command !== box.value) : []);
  const draw = () => {
    const found = matches();
    chosen = Math.min(chosen, found.length - 1);
    list.hidden = found.length === 0;
    box.setAttribute("aria-expanded", String(found.length > 0));
    box.setAttribute("aria-activedescendant", chosen >= 0 ? `completion-${chosen}` : "");
    list.replaceChildren(...found.map(([command, meaning], index) => h("li", {
      id: `completion-${index}`, role: "option", "aria-selected": String(index === chosen),
      onmousedown: (event) => { event.preventDefault(); take(command); },
    }, h("code", {}, command), h("span", {}, meaning))));
  };
  const take = (command) => { box.value = command; chosen = -1; box.focus(); draw(); };
  box.addEventListener("input", () => { chosen = -1; draw(); });
  box.addEventListener("blur", () => { list.hidden = true; });
  box.addEventListener("keydown", (event) => {
    const found = matches();
    if (list.hidden || !found.length) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      chosen = (chosen + (event.key === "ArrowDown" ? 1 : -1) + found.length + (chosen < 0 && event.key === "ArrowUp" ? 1 : 0)) % found.length;
      draw();
    } else if (event.key === "Tab" || (event.key === "Enter" && chosen >= 0)) {
      event.preventDefault();
      take(found[Math.max(chosen, 0)][0]);
    } else if (event.key === "Escape") list.hidden = true;
  });
}
