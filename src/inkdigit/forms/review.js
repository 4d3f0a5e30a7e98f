
"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const doubts = [...document.querySelectorAll(".doubt")];
let saved = true;

const parts = (doubt) => ({
  input: doubt.querySelector("input"),
  note: doubt.querySelector(".note"),
  fits: new RegExp(`^(?:${doubt.dataset.pattern})$`, "u"),
});

function look(doubt) {
  const { input, note, fits } = parts(doubt);
  const value = input.value.trim();
  const bad = !fits.test(value);
  saved = false;
  doubt.classList.add("seen");
  input.setAttribute("aria-invalid", String(bad));
  note.classList.toggle("bad", bad);
  note.textContent = bad ? "does not fit the pattern" : value ? "looked at" : "left empty";
  count();
}

function go(doubt) {
  const after = doubts.slice(doubts.indexOf(doubt) + 1).concat(doubts);
  const next = after.find((one) => !one.classList.contains("seen"));
  (next ? next.querySelector("input") : document.getElementById("save")).focus();
}

function count() {
  const seen = doubts.filter((doubt) => doubt.classList.contains("seen")).length;
  document.getElementById("count").textContent = `${seen} of ${doubts.length} looked at`;
}

const cell = (text) => (/["\n\r,]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
const safe = (text) => (/^[=+\-@\t\r\n]/.test(text) ? `'${text}` : text);

function corrected() {
  const rows = data.rows.map((row) => [...row]);
  for (const doubt of doubts.filter((one) => one.classList.contains("seen"))) {
    const row = rows[Number(doubt.dataset.row)];
    const column = Number(doubt.dataset.column);
    row[column] = safe(parts(doubt).input.value.trim());
    row[column + 1] = "1.0000";
  }
  return rows.map((row) => row.map(cell).join(",") + "\n").join("");
}

for (const doubt of doubts) {
  const { input } = parts(doubt);
  input.addEventListener("input", () => look(doubt));
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") { look(doubt); go(doubt); }
  });
  doubt.querySelector(".right").addEventListener("click", () => { look(doubt); go(doubt); });
  for (const other of doubt.querySelectorAll(".others button")) {
    other.addEventListener("click", () => { input.value = other.value; look(doubt); input.focus(); });
  }
}

document.getElementById("save").addEventListener("click", () => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([corrected()], { type: "text/csv" }));
  link.download = data.name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  saved = true;
});
window.addEventListener("beforeunload", (event) => { if (!saved) event.preventDefault(); });
if (doubts.length) count();
