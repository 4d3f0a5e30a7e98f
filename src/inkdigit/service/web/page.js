// The page: the paper's changes go to the reader, the reader's outcomes onto the screen.

import { Paper } from "./paper.js";
import { open, receive } from "./pictures.js";
import { Reader } from "./reader.js";

const SURE = 0.8; // below it the answer is "not sure"
const QUIET = 800; // ms without news, after which a screen reader is told
const IDLE = "The answer appears here, stroke by stroke.";
const at = (id) => document.getElementById(id);
const bars = Array.from({ length: 10 }, (_, digit) => bar(digit));
let quiet = null; // the timer
let view = null; // the newest of what the model saw

const paper = new Paper(at("paper"));
const reader = new Reader(show);

paper.addEventListener("change", () => {
  at("hint").hidden = !paper.blank;
  at("undo").setAttribute("aria-disabled", !paper.changed);
  at("clear").setAttribute("aria-disabled", paper.blank);
  if (paper.blank) say("idle", IDLE, "The paper is blank.");
  if (paper.blank) answer({ digit: null });
  busy(!paper.blank);
  reader.read(paper.blank ? null : sheet);
});

async function sheet() {
  const { several, isPicture } = paper;
  return { blob: await paper.blob(), several, isPicture };
}

/** One row of the list: digit, bar, probability. */
function bar(digit) {
  const row = document.createElement("li");
  const [name, track, fill, chance] = ["digit", "track", "fill", "chance"].map((part) => {
    const span = document.createElement("span");
    span.className = part;
    return span;
  });
  name.textContent = digit;
  track.append(fill);
  row.append(name, track, chance);
  at("bars").append(row);
  return { row, fill, chance };
}

function percent(share) {
  if (share >= 0.9995) return ">99.9\u00a0%";
  return `${(100 * share).toFixed(1)}\u00a0%`;
}

/** look: of the answer, for page.css; text: what is seen; spoken: what a screen reader is told once it is quiet. */
function say(look, text, spoken = text) {
  at("answer").dataset.look = look;
  at("key").hidden = look !== "locked";
  at("status").textContent = text;
  clearTimeout(quiet);
  quiet = setTimeout(() => (at("announced").textContent = spoken), QUIET);
}

/** Whether the answer is still to come. */
function busy(waiting) {
  at("answer").setAttribute("aria-busy", waiting);
}

function show(outcome) {
  busy(!outcome.newest);
  if (outcome.kind === "answer") {
    const { name, version } = outcome.model;
    const time = Math.max(Math.round(outcome.milliseconds), 1);
    at("model").textContent = `Model ${name}, version ${version} · ${time} ms`;
    if (outcome.result.lines) return several(outcome.result);
    paper.mark([]);
    judge(outcome.result);
    answer(outcome.result);
  } else if (outcome.kind === "key") {
    say("locked", outcome.refused ? "This key is not accepted. Try another." : "This server wants an API key.");
  } else {
    say(outcome.kind === "away" ? "away" : "wrong", outcome.text);
  }
}

function judge({ digit, confidence, probabilities }) {
  if (digit === null) return say("idle", "There is no ink to be seen. Try a picture with more contrast.");
  if (confidence >= SURE) return say("sure", `${percent(confidence)} sure`, `${digit}, ${percent(confidence)} sure.`);
  const [first, second] = probabilities.map((share, each) => [share, each]).sort(([a], [b]) => b - a);
  const perhaps = ([share, each]) => `${each}\u00a0(${Math.round(100 * share)}\u00a0%)`;
  return say("unsure", `Not sure: ${perhaps(first)} or ${perhaps(second)}?`);
}

/** Several digits: their text, to be copied, and boxes on the paper. */
function several({ lines, rejected }) {
  const digits = lines.flatMap((line) => line.digits);
  const unsure = digits.filter(({ confidence }) => confidence < SURE).length;
  const look = ({ confidence }) => (confidence < SURE ? "unsure" : "sure");
  paper.mark([
    ...rejected.map(({ box }) => ({ box, text: "", look: "rejected" })),
    ...digits.map((each) => ({ box: each.box, text: each.digit, look: look(each) })),
  ]);
  at("answer").dataset.shows = "lines";
  at("lines").replaceChildren(...lines.map(({ digits: each }) => row(each)));
  at("lines").dataset.size = size(lines);
  at("copy").hidden = !digits.length;
  at("copied").textContent = "";
  const seen = digits.length ? count(digits.length, "digit", "digits") : "No digits";
  const doubt = unsure ? `${unsure} of them doubtful` : "";
  const others = rejected.length ? count(rejected.length, "mark that is none", "marks that are none") : "";
  const text = `${[seen, doubt, others].filter(Boolean).join(", ")}.`;
  const spelled = lines.map((line) => [...line.text].join(" ")).join(", ");
  say(unsure ? "unsure" : digits.length ? "sure" : "idle", text, `${spelled}. ${text}`);
}

function row(digits) {
  const line = document.createElement("div");
  for (const { digit, confidence } of digits) {
    const span = document.createElement("span");
    span.textContent = digit;
    span.title = `${percent(confidence)} sure`;
    if (confidence < SURE) span.className = "doubt";
    line.append(span);
  }
  return line;
}

function size(lines) {
  const longest = Math.max(...lines.map(({ text }) => text.length));
  if (longest <= 6 && lines.length <= 2) return "large";
  return longest <= 12 && lines.length <= 5 ? "medium" : "small";
}

function count(number, one, more) {
  return `${number}\u00a0${number === 1 ? one : more}`;
}

async function copy() {
  const text = at("lines").innerText.trim();
  // Without https: a browser keeps its clipboard, and the text is chosen for a person to copy.
  const done = await navigator.clipboard?.writeText(text).then(() => true, () => false);
  if (!done) getSelection().selectAllChildren(at("lines"));
  at("copied").textContent = at("announced").textContent = done ? "Copied." : "Press Ctrl+C to copy.";
}

function answer({ digit, confidence, probabilities, input_png: seen }) {
  at("answer").dataset.shows = "digit";
  const [name, doubt] = at("digit").children;
  name.textContent = digit ?? "–";
  doubt.hidden = digit === null || confidence >= SURE;
  bars.forEach(({ row, fill, chance }, each) => {
    const share = probabilities?.[each] ?? 0;
    row.classList.toggle("top1", each === digit);
    fill.style.setProperty("--p", share);
    chance.textContent = probabilities ? percent(share) : "";
  });
  if (digit === null) at("model").textContent = "\u00a0";
  look(seen);
}

/** The model's own view, drawn once it is decoded: an <img> would flash between two of them. */
async function look(png) {
  const canvas = at("seen");
  const context = canvas.getContext("2d");
  canvas.setAttribute("aria-label", png ? "The 28 by 28 pixels that the model sees" : "Nothing yet");
  view = png;
  if (!png) return context.clearRect(0, 0, 28, 28);
  const image = new Image();
  image.src = `data:image/png;base64,${png}`;
  await image.decode();
  if (view === png) context.drawImage(image, 0, 0);
}

async function take(file) {
  if (!file) return say("wrong", "There was no picture in it. Save it as a file first, and choose that.");
  busy(true);
  const opened = await open(file);
  if (opened) return paper.lay(opened.picture, opened.blob);
  busy(false);
  const name = file.name || "that";
  return say("wrong", `This browser cannot open ${name} as a picture. Save it as PNG or JPEG and try again.`);
}

function onKey(event) {
  if (event.target.closest("input") || event.altKey) return;
  const control = event.ctrlKey || event.metaKey;
  const name = control ? `Control+${event.key.toLowerCase()}` : event.key;
  if (name === "Control+z" || name === "Backspace") paper.undo();
  else if (name === "Delete" || name === "Escape") paper.clear();
  else return;
  event.preventDefault();
}

at("copy").addEventListener("click", copy);
at("undo").addEventListener("click", () => paper.undo());
at("clear").addEventListener("click", () => paper.clear());
for (const [button, input] of [["choose", "picture"], ["camera", "photo"]]) {
  at(button).addEventListener("click", () => at(input).click());
  at(input).addEventListener("change", () => {
    if (at(input).files[0]) take(at(input).files[0]);
    at(input).value = ""; // the same file may be chosen again
  });
}
at("key").addEventListener("submit", (event) => {
  event.preventDefault();
  const key = at("secret").value.trim();
  at("secret").value = "";
  if (/^[!-~]+$/.test(key)) reader.useKey(key);
  else show({ kind: "key", refused: true });
});
document.addEventListener("keydown", onKey);
receive(take);
answer({ digit: null });
