// Smaller pictures: the few colours of a page fit a palette, one byte for each pixel.

import { crc32, deflateSync, inflateSync } from "node:zlib";

const SIGNATURE = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
const COLOURS_MAX = 256;

function* chunks(png) {
  for (let at = SIGNATURE.length; at < png.length;) {
    const length = png.readUInt32BE(at);
    yield { type: png.toString("latin1", at + 4, at + 8), data: png.subarray(at + 8, at + 8 + length) };
    at += length + 12;
  }
}

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const frame = Buffer.alloc(8);
  frame.writeUInt32BE(data.length, 0);
  frame.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
}

/** What a byte is predicted to be: of its left, upper and upper left neighbours. */
function predicted(filter, left, up, corner) {
  if (filter === 1) return left;
  if (filter === 2) return up;
  if (filter === 3) return (left + up) >> 1;
  if (filter !== 4) return 0;
  const guess = left + up - corner;
  const [a, b, c] = [left, up, corner].map((one) => Math.abs(guess - one));
  if (a <= b && a <= c) return left;
  return b <= c ? up : corner;
}

/** The bytes of the pixels, without the filters of their lines. */
function pixels(lines, width, height, depth) {
  const stride = width * depth;
  const out = Buffer.alloc(stride * height);
  for (let y = 0; y < height; y += 1) {
    const filter = lines[y * (stride + 1)];
    for (let x = 0; x < stride; x += 1) {
      const at = y * stride + x;
      const left = x >= depth ? out[at - depth] : 0;
      const up = y > 0 ? out[at - stride] : 0;
      const corner = x >= depth && y > 0 ? out[at - stride - depth] : 0;
      out[at] = lines[y * (stride + 1) + 1 + x] + predicted(filter, left, up, corner);
    }
  }
  return out;
}

/** The most frequent colours, and for each colour the nearest of them. */
function palette(counts) {
  const colours = [...counts.entries()].sort((a, b) => b[1] - a[1]).map(([colour]) => colour);
  const kept = colours.slice(0, COLOURS_MAX);
  const parts = (colour) => [colour >> 16, (colour >> 8) & 255, colour & 255];
  const distance = (a, b) => parts(a).reduce((sum, part, at) => sum + (part - parts(b)[at]) ** 2, 0);
  const nearest = (colour) => kept.reduce(
    (best, one, at) => (distance(one, colour) < distance(kept[best], colour) ? at : best), 0);
  const places = new Map(kept.map((colour, at) => [colour, at]));
  for (const colour of colours.slice(COLOURS_MAX)) places.set(colour, nearest(colour));
  return { table: Buffer.from(kept.flatMap(parts)), places };
}

/** The same picture with at most 256 colours. */
export function small(png) {
  const all = [...chunks(png)];
  const head = all.find(({ type }) => type === "IHDR").data;
  const [width, height, depth] = [head.readUInt32BE(0), head.readUInt32BE(4), head[9] === 6 ? 4 : 3];
  const packed = Buffer.concat(all.filter(({ type }) => type === "IDAT").map(({ data }) => data));
  const bytes = pixels(inflateSync(packed), width, height, depth);
  const colour = (pixel) => bytes.readUIntBE(pixel * depth, 3);
  const counts = new Map();
  for (let pixel = 0; pixel < width * height; pixel += 1) {
    counts.set(colour(pixel), (counts.get(colour(pixel)) ?? 0) + 1);
  }
  const { table, places } = palette(counts);
  const lines = Buffer.alloc((width + 1) * height);
  for (let pixel = 0; pixel < width * height; pixel += 1) {
    const line = Math.floor(pixel / width);
    lines[pixel + line + 1] = places.get(colour(pixel));
  }
  const indexed = Buffer.from(head);
  indexed[9] = 3;
  return Buffer.concat([
    SIGNATURE, chunk("IHDR", indexed), chunk("PLTE", table),
    chunk("IDAT", deflateSync(lines, { level: 9, memLevel: 9 })), chunk("IEND", Buffer.alloc(0)),
  ]);
}
