// The page: changes of the paper go to the reader, and the reader's outcomes are shown.

import { Paper } from "./paper.js";
import { open, receive } from "./pictures.js";
import { Reader } from "./reader.js";

const SURE_CONFIDENCE = 0.8; // below it the answer is "not sure"
const ANNOUNCE_DELAY = 800; // ms without a change, after which a screen reader announces the answer
const IDLE_TEXT = "The answer appears here, stroke by stroke.";
const byId = (id) => document.getElementById(id);
const bars = Array.from({ length: 10 }, (_, digit) => bar(digit));
let announceTimer = null;
let newestInput = null; // the newest PNG of what the model saw

const paper = new Paper(byId("paper"));
const reader = new Reader(show);

paper.addEventListener("change", () => {
  byId("hint").hidden = !paper.blank;
  byId("undo").setAttribute("aria-disabled", !paper.changed);
  byId("clear").setAttribute("aria-disabled", paper.blank);
  if (paper.blank) showStatus("idle", IDLE_TEXT, "The paper is blank.");
  if (paper.blank) showDigit({ digit: null });
  setBusy(!paper.blank);
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
  byId("bars").append(row);
  return { row, fill, chance };
}

function percent(share) {
  if (share >= 0.9995) return ">99.9\u00a0%";
  return `${(100 * share).toFixed(1)}\u00a0%`;
}

/** look: of the answer, for page.css; text: what is shown; spoken: what a screen reader announces after a pause. */
function showStatus(look, text, spoken = text) {
  byId("answer").dataset.look = look;
  byId("key").hidden = look !== "locked";
  byId("status").textContent = text;
  clearTimeout(announceTimer);
  announceTimer = setTimeout(() => (byId("announced").textContent = spoken), ANNOUNCE_DELAY);
}

/** Marks whether the answer is still to come. */
function setBusy(waiting) {
  byId("answer").setAttribute("aria-busy", waiting);
}

function show(outcome) {
  setBusy(!outcome.newest);
  if (outcome.kind === "answer") {
    const { name, version } = outcome.model;
    const time = Math.max(Math.round(outcome.milliseconds), 1);
    byId("model").textContent = `Model ${name}, version ${version} · ${time} ms`;
    if (outcome.result.lines) return showLines(outcome.result);
    paper.mark([]);
    showCertainty(outcome.result);
    showDigit(outcome.result);
  } else if (outcome.kind === "key") {
    showStatus("locked", outcome.refused ? "This key is not accepted. Try another." : "This server asks for an API key.");
  } else {
    showStatus(outcome.kind === "away" ? "away" : "wrong", outcome.text);
  }
}

function showCertainty({ digit, confidence, probabilities }) {
  if (digit === null) return showStatus("idle", "The picture shows no ink. Try one with more contrast.");
  if (confidence >= SURE_CONFIDENCE) return showStatus("sure", `${percent(confidence)} sure`, `${digit}, ${percent(confidence)} sure.`);
  const [first, second] = probabilities.map((share, each) => [share, each]).sort(([a], [b]) => b - a);
  const option = ([share, each]) => `${each}\u00a0(${Math.round(100 * share)}\u00a0%)`;
  return showStatus("unsure", `Not sure: ${option(first)} or ${option(second)}?`);
}

/** Shows several digits: their text, which can be copied, and boxes on the paper. */
function showLines({ lines, rejected }) {
  const digits = lines.flatMap((line) => line.digits);
  const unsure = digits.filter(({ confidence }) => confidence < SURE_CONFIDENCE).length;
  const lookOf = ({ confidence }) => (confidence < SURE_CONFIDENCE ? "unsure" : "sure");
  paper.mark([
    ...rejected.map(({ box }) => ({ box, text: "", look: "rejected" })),
    ...digits.map((each) => ({ box: each.box, text: each.digit, look: lookOf(each) })),
  ]);
  byId("answer").dataset.shows = "lines";
  byId("lines").replaceChildren(...lines.map(({ digits: each }) => row(each)));
  byId("lines").dataset.size = size(lines);
  byId("copy").hidden = !digits.length;
  byId("copied").textContent = "";
  const seen = digits.length ? count(digits.length, "digit", "digits") : "No digits";
  const doubt = unsure ? `${unsure} of them doubtful` : "";
  const others = rejected.length ? count(rejected.length, "mark that is not a digit", "marks that are not digits") : "";
  const text = `${[seen, doubt, others].filter(Boolean).join(", ")}.`;
  const spelled = lines.map((line) => [...line.text].join(" ")).join(", ");
  showStatus(unsure ? "unsure" : digits.length ? "sure" : "idle", text, `${spelled}. ${text}`);
}

function row(digits) {
  const line = document.createElement("div");
  for (const { digit, confidence } of digits) {
    const span = document.createElement("span");
    span.textContent = digit;
    span.title = `${percent(confidence)} sure`;
    if (confidence < SURE_CONFIDENCE) span.className = "doubt";
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
  const text = byId("lines").innerText.trim();
  // Without https a browser does not allow it: then the text is selected, for the person to copy.
  const done = await navigator.clipboard?.writeText(text).then(() => true, () => false);
  if (!done) getSelection().selectAllChildren(byId("lines"));
  byId("copied").textContent = byId("announced").textContent = done ? "Copied." : "Press Ctrl+C to copy.";
}

function showDigit({ digit, confidence, probabilities, input_png: seen }) {
  byId("answer").dataset.shows = "digit";
  const [name, doubt] = byId("digit").children;
  name.textContent = digit ?? "–";
  doubt.hidden = digit === null || confidence >= SURE_CONFIDENCE;
  bars.forEach(({ row, fill, chance }, each) => {
    const share = probabilities?.[each] ?? 0;
    row.classList.toggle("top1", each === digit);
    fill.style.setProperty("--p", share);
    chance.textContent = probabilities ? percent(share) : "";
  });
  if (digit === null) byId("model").textContent = "\u00a0";
  showInput(seen);
}

/** Shows what the model saw, once the PNG is decoded: an <img> would flash between two of them. */
async function showInput(png) {
  const canvas = byId("seen");
  const context = canvas.getContext("2d");
  canvas.setAttribute("aria-label", png ? "The 28 by 28 pixels that the model sees" : "Nothing yet");
  newestInput = png;
  if (!png) return context.clearRect(0, 0, 28, 28);
  const image = new Image();
  image.src = `data:image/png;base64,${png}`;
  await image.decode();
  if (newestInput === png) context.drawImage(image, 0, 0);
}

async function takePicture(file) {
  if (!file) return showStatus("wrong", "It holds no picture. Save the picture as a file first, and choose that.");
  setBusy(true);
  const opened = await open(file);
  if (opened) return paper.lay(opened.picture, opened.blob);
  setBusy(false);
  const name = file.name || "that";
  return showStatus("wrong", `This browser cannot open ${name} as a picture. Save it as PNG or JPEG and try again.`);
}

function onKeyDown(event) {
  if (event.target.closest("input") || event.altKey) return;
  const control = event.ctrlKey || event.metaKey;
  const name = control ? `Control+${event.key.toLowerCase()}` : event.key;
  if (name === "Control+z" || name === "Backspace") paper.undo();
  else if (name === "Delete" || name === "Escape") paper.clear();
  else return;
  event.preventDefault();
}

byId("copy").addEventListener("click", copy);
byId("undo").addEventListener("click", () => paper.undo());
byId("clear").addEventListener("click", () => paper.clear());
for (const [button, input] of [["choose", "picture"], ["camera", "photo"]]) {
  byId(button).addEventListener("click", () => byId(input).click());
  byId(input).addEventListener("change", () => {
    if (byId(input).files[0]) takePicture(byId(input).files[0]);
    byId(input).value = ""; // the same file may be chosen again
  });
}
byId("key").addEventListener("submit", (event) => {
  event.preventDefault();
  const key = byId("secret").value.trim();
  byId("secret").value = "";
  if (/^[!-~]+$/.test(key)) reader.useKey(key);
  else show({ kind: "key", refused: true });
});
document.addEventListener("keydown", onKeyDown);
receive(takePicture);
showDigit({ digit: null });
