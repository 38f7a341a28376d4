// What changes while something is held down waits until it is let go: a button replaced between the two halves
// of a press would never hear of it.
const waiting = [];
let held = false;

const letGo = () => setTimeout(() => { held = false; for (const change of waiting.splice(0)) change(); }); // after the click
const hold = () => { held = true; };

addEventListener("pointerdown", hold, true);
for (const name of ["pointerup", "pointercancel"]) addEventListener(name, letGo, true);
addEventListener("keydown", (event) => { if (event.key === " ") hold(); }, true);
addEventListener("keyup", letGo, true);
addEventListener("blur", letGo);

export function onceLetGo(change) { if (held) waiting.push(change); else change(); }
