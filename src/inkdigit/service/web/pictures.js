// Picture files that are chosen, photographed, dropped or pasted; shrunk before they are sent.

const MAX_SIDE = 1600; // pixels of the longest side

/** { picture, blob } of a file, upright; null if this browser cannot decode it. */
export async function open(file) {
  const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" }).catch(() => null);
  if (!bitmap) return null;
  const scale = Math.min(MAX_SIDE / Math.max(bitmap.width, bitmap.height), 1);
  const [width, height] = [bitmap.width, bitmap.height].map((length) => Math.max(Math.round(length * scale), 1));
  const picture = new OffscreenCanvas(width, height);
  const context = picture.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  // PNG keeps the transparency of other formats; JPEG has none.
  const type = file.type === "image/jpeg" ? "image/jpeg" : "image/png";
  return { picture, blob: await picture.convertToBlob({ type, quality: 0.92 }) };
}

/** Calls `take` with every file that is dropped on or pasted into the page, or with null if that holds no file. */
export function receive(take) {
  const root = document.documentElement;
  const over = (event, dropping) => {
    event.preventDefault();
    root.classList.toggle("dropping", dropping);
  };
  addEventListener("dragenter", (event) => over(event, true));
  addEventListener("dragover", (event) => over(event, true));
  addEventListener("dragleave", (event) => over(event, event.relatedTarget !== null));
  addEventListener("drop", (event) => {
    over(event, false);
    take(event.dataTransfer.files[0] ?? null);
  });
  addEventListener("paste", (event) => {
    if (!event.target.closest?.("input")) take(event.clipboardData.files[0] ?? null);
  });
}
