// Builds elements; text is always text, never markup.
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

export const byId = (id) => document.getElementById(id);

export async function post(path, body) {
  const response = await fetch(path, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
  });
  const answer = await response.json();
  if (!response.ok) toast(answer.error || "That did not work.");
  return answer;
}

export function toast(text) {
  const box = h("div", { class: "toast" }, h("span", {}, text));
  box.append(h("button", { class: "icon", "aria-label": "Dismiss", onclick: () => box.remove() }, "✕"));
  byId("toasts").append(box);
  setTimeout(() => box.remove(), 10000);
}
