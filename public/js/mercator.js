// @ts-check
// Where places are on the map, and which part of it is seen. No DOM.

/** Units around the equator, as in `world.js`. */
export const WORLD = 16_384;
const TILE = 256; // pixels that the whole world has at zoom 0, as web maps count it
const MOST_LATITUDE = 85;
export const MOST_ZOOM = 14;

/** @typedef {{x: number, y: number}} Point */
/** @typedef {{x: number, y: number, zoom: number}} Camera the middle of what is seen, in units of the world, and how near */

/** @param {number} latitude @param {number} longitude degrees @returns {Point} */
export function project(latitude, longitude) {
  const bounded = Math.max(-MOST_LATITUDE, Math.min(MOST_LATITUDE, latitude)) * (Math.PI / 180);
  return {
    x: ((longitude + 180) / 360) * WORLD,
    y: (0.5 - Math.log(Math.tan(Math.PI / 4 + bounded / 2)) / (2 * Math.PI)) * WORLD,
  };
}

/** @param {number} y in units of the world @returns {number} degrees north */
function latitudeAt(y) {
  return (2 * Math.atan(Math.exp((0.5 - y / WORLD) * 2 * Math.PI)) - Math.PI / 2) * (180 / Math.PI);
}

/** @param {number} zoom @returns {number} pixels a unit */
export function scaleOf(zoom) {
  return (TILE * 2 ** zoom) / WORLD;
}

/** @param {Camera} camera @param {{width: number, height: number}} size in pixels @returns {Camera} one that shows nothing beyond the world */
export function bounded({ x, y, zoom }, { width, height }) {
  // The world is at least as large as what it is seen through.
  const least = Math.log2(Math.max(width, height, 1) / TILE);
  const near = Math.max(Math.min(zoom, MOST_ZOOM), Math.max(least, 0));
  const half = height / 2 / scaleOf(near);
  return { x: ((x % WORLD) + WORLD) % WORLD, y: Math.max(half, Math.min(WORLD - half, y)), zoom: near };
}

/** @param {Camera} from @param {Camera} to @param {number} share from 0 to 1 @returns {Camera} on the shorter way around the world */
export function between(from, to, share) {
  const eased = share < 0.5 ? 2 * share * share : 1 - (2 - 2 * share) ** 2 / 2;
  const mix = (/** @type {number} */ a, /** @type {number} */ b) => a + (b - a) * eased;
  const across = to.x - from.x;
  const x = to.x - Math.round(across / WORLD) * WORLD;
  return { x: mix(from.x, x), y: mix(from.y, to.y), zoom: mix(from.zoom, to.zoom) };
}

/** @param {Point[]} points @param {{width: number, height: number}} size @returns {Camera | null} from where all are seen */
export function fit(points, { width, height }) {
  if (!points.length) return null;
  const xs = points.map((point) => point.x);
  const ys = points.map((point) => point.y);
  const [left, right, top, bottom] = [min(xs), max(xs), min(ys), max(ys)];
  const margin = 0.7; // of the view
  const scale = Math.min((width * margin) / Math.max(right - left, 1e-6), (height * margin) / Math.max(bottom - top, 1e-6));
  const zoom = Math.min(Math.log2((scale * WORLD) / TILE), 12);
  return { x: (left + right) / 2, y: (top + bottom) / 2, zoom };
}

/** @param {Camera} camera @param {{width: number, height: number}} size @param {Point} point @returns {boolean} whether it is seen */
export function sees({ x, y, zoom }, { width, height }, point) {
  const scale = scaleOf(zoom);
  const across = point.x - x - Math.round((point.x - x) / WORLD) * WORLD;
  return Math.abs(across * scale) <= width / 2 && Math.abs((point.y - y) * scale) <= height / 2;
}

/** @param {Camera} camera @param {number} most pixels @returns {{kilometres: number, pixels: number}} a round length for the scale */
export function scaleBar({ y, zoom }, most) {
  const metres = 40_075_017 * Math.cos((latitudeAt(y) * Math.PI) / 180);
  const perPixel = metres / WORLD / scaleOf(zoom);
  const exponent = 10 ** Math.floor(Math.log10(perPixel * most));
  const round = [5, 2, 1].find((step) => step * exponent <= perPixel * most) ?? 1;
  return { kilometres: (round * exponent) / 1000, pixels: (round * exponent) / perPixel };
}

const STEPS = [30, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005]; // degrees between two lines
const APART = 80; // pixels that they are apart, at least

/** @typedef {{at: number, degrees: number}} Line at: pixels from the left, or from the top */

/**
 * The lines of round degrees that cross what is seen.
 * @param {Camera} camera @param {{width: number, height: number}} size @returns {{meridians: Line[], parallels: Line[]}}
 */
export function graticule({ x, y, zoom }, { width, height }) {
  const scale = scaleOf(zoom);
  const perPixel = 360 / (WORLD * scale);
  const step = STEPS.findLast((each) => each / perPixel >= APART) ?? STEPS[0];
  const [left, right] = [-width, width].map((side) => ((x + side / 2 / scale) / WORLD) * 360 - 180);
  const [north, south] = [-height, height].map((side) => latitudeAt(y + side / 2 / scale));
  const meridians = multiples(step, left, right).map((degrees) => ({ at: (degrees - left) / perPixel, degrees: round(degrees - 360 * Math.round(degrees / 360)) }));
  const parallels = multiples(step, south, north).map((degrees) => ({ at: (project(degrees, 0).y - y) * scale + height / 2, degrees: round(degrees) }));
  return { meridians, parallels };
}

/** @param {number} step @param {number} from @param {number} to @returns {number[]} a hundred at most */
function multiples(step, from, to) {
  const first = Math.ceil(from / step);
  const count = Math.min(100, Math.floor(to / step) - first + 1);
  return Array.from({ length: Math.max(0, count) }, (_, index) => (first + index) * step);
}

/** @param {number} degrees without what a computer makes of a tenth */
const round = (degrees) => Math.round(degrees * 1000) / 1000;

/** What fits on a call's stack is not enough for a thousand places. @param {number[]} numbers */
const min = (numbers) => numbers.reduce((least, each) => Math.min(least, each), Infinity);
/** @param {number[]} numbers */
const max = (numbers) => numbers.reduce((most, each) => Math.max(most, each), -Infinity);
