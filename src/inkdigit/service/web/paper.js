// The paper: strokes in units of its side, so that they stay sharp at any size, and all earlier states for undo.

const BRUSH_WIDTH = 0.075; // of the side: a digit of the usual size then has strokes as wide as those of MNIST
const SENT_SIZE = 280; // pixels of each side of the picture that is sent: ten for each pixel of the model
const SEVERAL_RATIO = 1.3; // of width to height: no digit is wider, so that a wider drawing shows several
const FINE_RATIO = 0.16; // of the tallest stroke's height: the brush for several digits, which are smaller than one
const MIN_BRUSH_WIDTH = 0.02;
const PEN_STEP = 0.04; // of the side: how far an arrow key moves the pen

/** Draws with pointer and keyboard, and fires "change" after every change. A state is its strokes, or one picture. */
export class Paper extends EventTarget {
  #canvas;
  #states = [{ strokes: [] }];
  #marks = []; // what was read, drawn over the state: { box: [x, y, width, height] in units of the side, text, look }
  #stroke = null; // the points of the stroke being drawn
  #pointer = null;
  #frame = null; // the animation frame that will draw the screen next
  #pen = null; // the keyboard's pen { x, y, down }, shown while the paper has the focus

  constructor(canvas) {
    super();
    this.#canvas = canvas;
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, (event) => this.#up(event));
    // Otherwise a quick stroke counts as a fling, too, which swallows the next tap, such as one on Clear.
    canvas.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false });
    canvas.addEventListener("keydown", (event) => this.#key(event));
    canvas.addEventListener("blur", () => this.#put(null));
    new ResizeObserver(() => this.#show()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#show());
  }

  get blank() {
    const { strokes, picture } = this.#state;
    return !picture && !strokes.length;
  }

  get changed() {
    return this.#states.length > 1;
  }

  undo() {
    if (this.changed) this.#states.pop();
    this.#marks = [];
    this.#changed();
  }

  clear() {
    if (!this.blank) this.#states.push({ strokes: [] });
    this.#marks = [];
    this.#changed();
  }

  /** Lays a picture (anything that canvas draws) on the paper, and `blob` on what is sent. */
  lay(picture, blob) {
    this.#states.push({ strokes: [], picture, blob });
    this.#marks = [];
    this.#changed();
  }

  /** Shows what was read. marks: { box, text, look }, their boxes in pixels of what was sent. */
  mark(marks) {
    const { width, height } = this.#state.picture ?? { width: SENT_SIZE, height: SENT_SIZE };
    const side = Math.max(width, height);
    const [left, top] = [(side - width) / 2, (side - height) / 2];
    const onPaper = ([x, y, w, h]) => [(x + left) / side, (y + top) / side, w / side, h / side];
    this.#marks = marks.map((mark) => ({ ...mark, box: onPaper(mark.box) }));
    this.#show();
  }

  /** Whether it may show more than one digit: a picture, several strokes, or one that is wide. */
  get several() {
    const { strokes, picture } = this.#state;
    const [width, height] = extent(strokes.flat());
    return Boolean(picture) || strokes.length > 1 || width + BRUSH_WIDTH > SEVERAL_RATIO * (height + BRUSH_WIDTH);
  }

  /** The width of the brush: finer once the finished strokes are wider or higher than one digit. */
  get #brush() {
    const { strokes } = this.#state;
    const finished = this.#stroke ? strokes.slice(0, -1) : strokes;
    if (finished.length < 2) return BRUSH_WIDTH;
    const [width, height] = extent(finished.flat());
    const tallest = Math.max(...finished.map((stroke) => extent(stroke)[1]));
    if (Math.max(width, height) < SEVERAL_RATIO * tallest) return BRUSH_WIDTH;
    return Math.min(Math.max(FINE_RATIO * tallest, MIN_BRUSH_WIDTH), BRUSH_WIDTH);
  }

  get isPicture() {
    return Boolean(this.#state.picture);
  }

  /** What is sent to the model: a Blob of the picture, or of dark strokes on white. */
  async blob() {
    if (this.#state.blob) return this.#state.blob;
    const canvas = new OffscreenCanvas(SENT_SIZE, SENT_SIZE);
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.fillStyle = "#fff";
    context.fillRect(0, 0, SENT_SIZE, SENT_SIZE);
    trace(context, this.#state.strokes, SENT_SIZE, "#000", this.#brush);
    return canvas.convertToBlob({ type: "image/png" });
  }

  get #state() {
    return this.#states.at(-1);
  }

  #changed() {
    this.#stroke = null;
    this.#notify();
  }

  #notify() {
    this.#show();
    this.dispatchEvent(new Event("change"));
  }

  /** Starts a stroke on top of what was drawn so far; after a picture, it starts a new drawing. */
  #begin(point) {
    this.#stroke = [point];
    if (this.#state.picture) this.#marks = [];
    this.#states.push({ strokes: [...this.#state.strokes, this.#stroke] });
    this.#notify();
  }

  #down(event) {
    const pen = event.pointerType === "pen";
    if (event.button !== 0 || (this.#pointer !== null && !pen)) return;
    if (this.#pointer !== null) this.undo(); // the palm touched before the pen
    this.#pointer = event.pointerId;
    this.#canvas.setPointerCapture(event.pointerId);
    this.#put(null);
    this.#begin(this.#place(event));
  }

  #move(event) {
    if (event.pointerId !== this.#pointer || !this.#stroke) return;
    const between = event.getCoalescedEvents?.() ?? [];
    this.#stroke.push(...(between.length ? between : [event]).map((each) => this.#place(each)));
    this.#notify();
  }

  #up(event) {
    if (event.pointerId !== this.#pointer) return;
    this.#pointer = null;
    const before = this.#brush;
    this.#stroke = null;
    if (this.#brush !== before) this.#notify();
  }

  #place(event) {
    const box = this.#canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }

  #key(event) {
    const [x, y] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] ?? [0, 0];
    if (event.ctrlKey || event.metaKey || event.altKey || (event.key !== " " && !x && !y)) return;
    event.preventDefault();
    const pen = this.#pen ?? { x: 0.5, y: 0.2, down: false };
    const inside = (value) => Math.min(Math.max(value, 0.05), 0.95);
    const moved = { x: inside(pen.x + PEN_STEP * x), y: inside(pen.y + PEN_STEP * y), down: pen.down !== (event.key === " ") };
    if (moved.down && this.#stroke) this.#stroke.push([moved.x, moved.y]);
    else if (moved.down) this.#begin([moved.x, moved.y]);
    else this.#stroke = null;
    this.#put(moved);
    this.#notify();
  }

  #put(pen) {
    if (this.#pen?.down && !pen) this.#stroke = null;
    this.#pen = pen;
    this.#show();
  }

  #show() {
    this.#frame ??= requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    this.#frame = null;
    const canvas = this.#canvas;
    const side = Math.round(canvas.clientWidth * devicePixelRatio);
    if (canvas.width !== side) canvas.width = canvas.height = side;
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, side, side);
    if (this.#state.picture) fit(context, this.#state.picture, side);
    const { color, accentColor } = getComputedStyle(canvas);
    trace(context, this.#state.strokes, side, color, this.#brush);
    for (const mark of this.#marks) frame(context, mark, side, getComputedStyle(canvas));
    if (this.#pen) ring(context, this.#pen, side, accentColor, this.#brush);
  }
}

/** Width and height of the box around points. */
function extent(points) {
  return [0, 1].map((axis) => {
    const places = points.map((point) => point[axis]);
    return Math.max(...places) - Math.min(...places);
  });
}

/** Draws strokes through their points, with rounded corners. */
function trace(context, strokes, side, colour, brush) {
  Object.assign(context, { strokeStyle: colour, lineWidth: brush * side, lineCap: "round", lineJoin: "round" });
  for (const stroke of strokes) {
    const points = stroke.map(([x, y]) => [x * side, y * side]);
    context.beginPath();
    context.moveTo(...points[0]);
    for (let i = 1; i < points.length - 1; i++) {
      const [[x, y], [nextX, nextY]] = [points[i], points[i + 1]];
      context.quadraticCurveTo(x, y, (x + nextX) / 2, (y + nextY) / 2);
    }
    const [x, y] = points.at(-1);
    context.lineTo(x + 0.01, y); // for a dot: a line without length is not drawn
    context.stroke();
  }
}

/** Draws a box around what was read, with the answer above it; a dashed box around what was rejected. */
function frame(context, { box: [x, y, width, height], text, look }, side, style) {
  const scale = devicePixelRatio;
  const air = 3 * scale;
  const inside = (place) => Math.min(Math.max(place, scale), side - scale);
  const [left, top] = [x * side - air, y * side - air].map(inside);
  const [right, bottom] = [(x + width) * side + air, (y + height) * side + air].map(inside);
  const colour = style.getPropertyValue({ sure: "--accent", unsure: "--warn", rejected: "--muted" }[look]);
  const size = Math.min(Math.max(0.5 * height * side, 13 * scale), 0.07 * side);
  context.save();
  Object.assign(context, { lineJoin: "round", textAlign: "center", font: `600 ${size}px ${style.fontFamily}` });
  const [middle, above] = [(left + right) / 2, top - 0.25 * size];
  const baseline = above > size ? above : bottom + size;
  context.beginPath();
  context.roundRect(left, top, right - left, bottom - top, 4 * scale);
  // In two colours, so that one of them is visible on any paper.
  for (const [strokeStyle, width] of [[style.getPropertyValue("--card"), 4.5], [colour, 2]]) {
    Object.assign(context, { strokeStyle, lineWidth: width * scale });
    if (look === "rejected") context.setLineDash([5 * scale, 4 * scale]);
    context.stroke();
    if (width > 3) context.strokeText(text, middle, baseline);
  }
  context.fillStyle = colour;
  context.fillText(text, middle, baseline);
  context.restore();
}

/** Draws the keyboard's pen: a ring, filled while the pen is down. */
function ring(context, pen, side, colour, brush) {
  context.beginPath();
  context.arc(pen.x * side, pen.y * side, (brush / 2) * side, 0, 2 * Math.PI);
  Object.assign(context, { strokeStyle: colour, fillStyle: colour, lineWidth: 0.008 * side });
  if (pen.down) context.fill();
  else context.stroke();
}

function fit(context, picture, side) {
  const scale = side / Math.max(picture.width, picture.height);
  const [width, height] = [picture.width * scale, picture.height * scale];
  context.drawImage(picture, (side - width) / 2, (side - height) / 2, width, height);
}
