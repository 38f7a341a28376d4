// What changes while a button is held down waits until it is let go: one replaced between the two halves of a
// press would never hear of it. A list that drops down keeps the end of its press to itself, so it holds nothing.
const waiting = [];
let held = false;

const hold = (event) => { held = Boolean(event.target.closest?.("button, summary")); };
const letGo = () => setTimeout(() => { held = false; for (const change of waiting.splice(0)) change(); }); // after the click

addEventListener("pointerdown", (event) => { if (event.button === 0) hold(event); }, true);
addEventListener("keydown", (event) => { if (event.key === " ") hold(event); }, true);
for (const name of ["pointerup", "pointercancel", "keyup"]) addEventListener(name, letGo, true);
addEventListener("blur", letGo);

export function onceLetGo(change) { if (held) waiting.push(change); else change(); }
