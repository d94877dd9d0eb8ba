// Marking rows for one move: how many there are, all that are shown, and a range by keyboard. The form works without it.
import { say } from "./reader.js";

const form = document.getElementById("marking");
const boxes = () => [...form.querySelectorAll("tbody .c-mark input")];
let last = null;

function count() {
  const marked = boxes().filter((box) => box.checked).length;
  const told = document.getElementById("marked-count");
  if (told) told.textContent = say("marked", { n: marked });
  const all = document.getElementById("mark-all");
  if (all) all.checked = marked > 0 && marked === boxes().length;
}

export function mark(row, upTo) {
  const box = row?.querySelector(".c-mark input");
  if (!box) return;
  const all = boxes();
  const from = upTo && last?.isConnected ? all.indexOf(last) : all.indexOf(box);
  const to = all.indexOf(box);
  const wanted = upTo ? true : !box.checked;
  for (const one of all.slice(Math.min(from, to), Math.max(from, to) + 1)) one.checked = wanted;
  last = box;
  count();
}

form?.addEventListener("click", (event) => {
  const box = event.target.closest("tbody .c-mark input");
  if (!box) return;
  if (event.shiftKey && last) {
    event.preventDefault(); // the range decides, and the click comes after
    setTimeout(() => mark(box.closest("tr"), true));
  } else last = box;
});
form?.addEventListener("change", (event) => {
  if (event.target.id === "mark-all") for (const box of boxes()) box.checked = event.target.checked;
  count();
});
