// Requests to the server: one at a time, the newest picture next, and retries while the server is away.

const PAUSE = 50; // ms between two requests while a stroke is drawn
// ms for an answer, after which the server counts as away: of a single digit, and of a page, which the server gives up itself.
const DEADLINE = 10_000;
const READ_DEADLINE = 120_000;
const FIRST_WAIT = 1_000; // ms until a retry; doubled each time up to
const LONGEST_WAIT = 4_000;
const AWAY = new Set([502, 503, 504]);
const STORED = "inkdigit-key";
const CLEARED = "the paper is blank";

/**
 * Reads what it is given and shows the outcome, one of
 *   { kind: "answer", result, model, milliseconds }   { kind: "key", refused }
 *   { kind: "problem", text }                         { kind: "away", text, wait }
 * newest: whether the outcome is about the newest picture.
 */
export class Reader {
  #show;
  #make = null; // makes the sheet to read; null if there is none
  #asked = 0; // number of the newest sheet
  #done = 0; // number of the newest sheet with an outcome
  #busy = null; // aborts the request in flight
  #timer = null;
  #failures = 0;
  #key = remembered();
  #locked = false;

  constructor(show) {
    this.#show = show;
    addEventListener("online", () => this.#retry());
  }

  /** make: returns a sheet as `ask` takes it, or a promise of one, when it is needed; null stops the current request. */
  read(make) {
    this.#make = make;
    this.#asked += 1;
    if (make && this.#locked) return this.#show({ kind: "key", refused: false });
    if (make) return this.#go();
    this.#busy?.abort(CLEARED);
    clearTimeout(this.#timer);
    this.#timer = null;
  }

  useKey(key) {
    this.#key = key;
    this.#locked = false;
    this.#retry();
  }

  #retry() {
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#go();
  }

  async #go() {
    if (this.#busy) return;
    while (this.#make && this.#done !== this.#asked && !this.#locked && this.#timer === null) {
      const turn = this.#asked;
      this.#busy = new AbortController();
      try {
        const outcome = await ask(await this.#make(), this.#key, this.#busy);
        if (this.#busy.signal.reason !== CLEARED) this.#settle(outcome, turn);
        await new Promise((resolve) => setTimeout(resolve, PAUSE));
      } finally {
        this.#busy = null;
      }
    }
  }

  #settle(outcome, turn) {
    if (outcome.kind === "away") {
      const wait = outcome.wait ?? Math.min(FIRST_WAIT * 2 ** this.#failures, LONGEST_WAIT);
      this.#failures += 1;
      this.#timer = setTimeout(() => this.#retry(), wait);
    } else {
      this.#failures = 0;
      this.#locked = outcome.kind === "key";
      if (!this.#locked) this.#done = turn;
      if (outcome.kind === "answer" && this.#key) remember(this.#key);
    }
    this.#show({ ...outcome, newest: this.#done === this.#asked });
  }
}

/**
 * Asks what is on a sheet: lines of digits if there may be several and are; else one digit.
 * sheet: { blob, several, isPicture }. busy: the AbortController that ends it.
 */
async function ask({ blob, several, isPicture }, key, busy) {
  if (several) {
    const outcome = await post("v1/read", blob, key, busy);
    if (outcome.kind !== "answer") return outcome;
    const { lines, rejected } = outcome.result;
    const digits = lines.flatMap((line) => line.digits).length;
    // Ink that is not a digit would spoil the single digit of a photo; a drawing without two digits is one digit.
    if (digits > 1 || (isPicture && rejected.length)) return outcome;
  }
  return post("v1/digits?show=input", blob, key, busy);
}

/** One request. */
async function post(route, body, key, busy) {
  const isRead = route === "v1/read";
  const deadline = setTimeout(() => busy.abort(), isRead ? READ_DEADLINE : DEADLINE);
  const headers = key ? { "X-API-Key": key } : {};
  const start = performance.now();
  const options = { method: "POST", body, headers, signal: busy.signal };
  const response = await fetch(route, options).catch(() => null);
  const content = await response?.json().catch(() => null);
  clearTimeout(deadline);
  if (response?.ok && content) {
    const milliseconds = performance.now() - start;
    return { kind: "answer", result: content.results[0], model: content.model, milliseconds };
  }
  if (!response || response.ok) {
    return { kind: "away", text: "The server does not answer. The drawing is kept, and sent again automatically." };
  }
  if (response.status === 401) return { kind: "key", refused: Boolean(key) };
  // A page that takes too long takes too long the next time, too.
  if (AWAY.has(response.status) && !(isRead && response.status === 504)) {
    const seconds = Math.min(Number(response.headers.get("Retry-After")), 30) || undefined;
    return { kind: "away", text: "The server is busy. The drawing is sent again automatically.", wait: seconds && 1000 * seconds };
  }
  return { kind: "problem", text: content?.detail ?? `The server answered ${response.status}.` };
}

/** The key of this tab. Without storage, which a browser may forbid, it lasts as long as the page. */
function remembered() {
  try {
    return sessionStorage.getItem(STORED);
  } catch {
    return null;
  }
}

function remember(key) {
  try {
    sessionStorage.setItem(STORED, key);
  } catch {
    return;
  }
}
