// @ts-check
// The travel assistant's map: the world as one drawing, places on it, moved by the answer and by hand. DOM only;
// nothing is loaded from elsewhere, and the drawing itself only when there is something to show.

import { MOST_ZOOM, WORLD, between, bounded, fit, graticule, project, scaleBar, scaleOf, sees } from './mercator.js';
import { WORDS } from './words.js';

/** @typedef {import('./mercator.js').Camera} Camera */
/** @typedef {{label: string, x: number, y: number}} Place */

const SVG = 'http://www.w3.org/2000/svg';
const USUAL = { width: 640, height: 480 }; // pixels of the map that an assistant thinks of
const MOVE = 900; // milliseconds that a move takes
const MOST_PLACES = 200; // more are not told apart, and would make the page slow
const MOST_LETTERS = 60;
const NAME = 130; // pixels that a name takes
const LINE = 14; // and its line
const LETTER = 7.5; // and each of its letters
const DOT = 10; // and half of its place, with some room
const DEGREES = 50; // pixels that the name of a line takes
const FAR = 4; // levels: from here on one does not see any more where in the world this is
const NEAR = 9; // and from here on the coasts would be drawn wrong: only what is exact is shown
const STEP = 80; // pixels that an arrow key moves the map

export class MapView {
  /** @type {Camera} */
  #camera = { x: WORLD / 2, y: WORLD / 2.4, zoom: 1 };
  /** @type {Camera | null} */
  #target = null;
  /** @type {Place[]} */
  #places = [];
  #frame = 0;
  #turnedAt = NaN;
  #shown = '';
  #isDrawn = false;
  /** @type {Map<number, {x: number, y: number}>} */
  #pointers = new Map();

  /** @param {HTMLElement} element */
  constructor(element) {
    this.element = element;
    this.svg = /** @type {SVGSVGElement} */ (/** @type {unknown} */ (element.querySelector('.map-view')));
    this.world = /** @type {SVGGElement} */ (/** @type {unknown} */ (this.svg.querySelector('.map-world')));
    this.marks = /** @type {SVGGElement} */ (/** @type {unknown} */ (this.svg.querySelector('.map-places')));
    this.inset = /** @type {SVGSVGElement} */ (/** @type {unknown} */ (element.querySelector('.map-inset')));
    new ResizeObserver(() => this.#place()).observe(this.svg);
    this.svg.addEventListener('pointerdown', (event) => this.#down(event));
    this.svg.addEventListener('pointermove', (event) => this.#drag(event));
    for (const end of ['pointerup', 'pointercancel']) {
      this.svg.addEventListener(end, (event) => this.#pointers.delete(/** @type {PointerEvent} */ (event).pointerId));
    }
    this.svg.addEventListener('wheel', (event) => this.#wheel(event), { passive: false });
    this.svg.addEventListener('keydown', (event) => this.#key(event));
    element.addEventListener('click', (event) => this.#click(event));
  }

  /** @param {any} map what the assistant keeps of it, or nothing */
  show(map) {
    const text = JSON.stringify(map ?? null);
    if (text === this.#shown) return;
    this.#shown = text;
    const view = readMap(map);
    this.element.hidden = !view;
    document.body.classList.toggle('has-map', Boolean(view));
    if (!view) return;
    this.#draw();
    this.#places = view.places;
    this.#mark(view.beyond);
    this.#go(this.#meant(view.camera));
  }

  /** What a map of the usual size would show, this one shows, too: on a phone it is from farther away. @param {Camera} camera */
  #meant(camera) {
    const places = this.#places.filter((place) => sees(camera, USUAL, place));
    // Names are to be seen, too.
    const { width, height } = this.#size;
    const name = DOT + this.#places.reduce((most, _, index) => Math.max(most, this.#nameOf(index)), 0);
    const room = { width: Math.max(width / 3, width - 2 * name), height: Math.max(height / 2, height - 4 * LINE) };
    if (places.every((place) => sees(camera, room, place))) return camera;
    const all = fit(places, room) ?? camera;
    return { ...all, zoom: Math.min(all.zoom, camera.zoom) };
  }

  get #size() {
    return { width: this.svg.clientWidth || 1, height: this.svg.clientHeight || 1 };
  }

  async #draw() {
    if (this.#isDrawn) return;
    this.#isDrawn = true;
    const world = await import('./world.js').catch(() => null);
    // Places are to be seen without it, and the next move asks again.
    if (!world) return void (this.#isDrawn = false);
    const { BORDERS, LAND } = world;
    const land = shape('path', { id: 'map-land', class: 'map-land', d: LAND });
    const borders = shape('path', { id: 'map-borders', class: 'map-borders', d: BORDERS });
    // Once more to both sides: the world is round.
    const copies = [-WORLD, WORLD].flatMap((x) => [shape('use', { href: '#map-land', x }), shape('use', { href: '#map-borders', x })]);
    this.world.replaceChildren(land, borders, ...copies);
  }

  /** @param {number} beyond places that are too many */
  #mark(beyond) {
    this.#turnedAt = NaN;
    this.marks.replaceChildren(...this.#places.map(({ label }) => {
      const mark = shape('g', { class: 'map-mark' });
      const text = shape('text', { x: DOT, y: 4 });
      text.textContent = label;
      mark.append(shape('circle', { r: 6 }), text);
      return mark;
    }));
    const names = this.#places.map(({ label }) => {
      const item = document.createElement('li');
      item.textContent = label;
      return item;
    });
    const list = this.element.querySelector('.map-list');
    list?.replaceChildren(...names);
    const more = this.element.querySelector('.map-more');
    if (more) more.textContent = beyond ? WORDS.morePlaces(beyond) : '';
    this.svg.setAttribute('aria-label', WORDS.mapOf(this.#places.map(({ label }) => label).slice(0, 10)));
  }

  /** @param {Camera} target */
  #go(target) {
    const from = this.#camera;
    this.#target = bounded(target, this.#size);
    cancelAnimationFrame(this.#frame);
    if (matchMedia('(prefers-reduced-motion: reduce)').matches || document.hidden) {
      this.#camera = this.#target;
      this.#place();
      return;
    }
    const began = performance.now();
    const step = (/** @type {number} */ now) => {
      const share = Math.max(0, Math.min(1, (now - began) / MOVE));
      this.#camera = between(from, /** @type {Camera} */ (this.#target), share);
      this.#place();
      if (share < 1) this.#frame = requestAnimationFrame(step);
    };
    this.#frame = requestAnimationFrame(step);
  }

  /** Puts all in its place for where the camera is. */
  #place() {
    if (this.element.hidden) return;
    const { width, height } = this.#size;
    const camera = (this.#camera = bounded(this.#camera, this.#size));
    const scale = scaleOf(camera.zoom);
    this.svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
    this.world.setAttribute('transform', `translate(${width / 2 - camera.x * scale} ${height / 2 - camera.y * scale}) scale(${scale})`);
    const points = this.#places.map((place) => {
      // On the side of the world that is nearer.
      const across = place.x - camera.x - Math.round((place.x - camera.x) / WORLD) * WORLD;
      return { x: width / 2 + across * scale, y: height / 2 + (place.y - camera.y) * scale };
    });
    [...this.marks.children].forEach((mark, index) => mark.setAttribute('transform', `translate(${points[index].x} ${points[index].y})`));
    // Moved without coming nearer, all names stand as they stood.
    if (camera.zoom !== this.#turnedAt) this.#turnNames();
    const far = String(Math.max(0, Math.min(1, NEAR - camera.zoom)));
    this.world.setAttribute('opacity', far);
    this.svg.style.setProperty('--far', far);
    this.#placeInset(points);
    this.#drawGrid();
    const { kilometres, pixels } = scaleBar(camera, Math.min(120, width / 3));
    const bar = this.svg.querySelector('.map-bar');
    bar?.setAttribute('d', `M12 ${height - 18}v6h${pixels.toFixed(1)}v-6`);
    const length = this.svg.querySelector('.map-length');
    length?.setAttribute('x', String(18 + pixels));
    length?.setAttribute('y', String(height - 10));
    if (length) length.textContent = kilometres < 1 ? `${Math.round(kilometres * 1000)} m` : `${kilometres.toLocaleString('en')} km`;
    this.element.dataset.zoom = camera.zoom.toFixed(2);
  }

  #drawGrid() {
    const size = this.#size;
    const { meridians, parallels } = graticule(this.#camera, size);
    const lines = [...meridians.map(({ at }) => `M${at.toFixed(1)} 0v${size.height}`), ...parallels.map(({ at }) => `M0 ${at.toFixed(1)}h${size.width}`)];
    this.svg.querySelector('.map-grid')?.setAttribute('d', lines.join(''));
    const words = (/** @type {number} */ x, /** @type {number} */ y, /** @type {string} */ text) => {
      const element = shape('text', { x: x.toFixed(1), y: y.toFixed(1) });
      element.textContent = text;
      return element;
    };
    const { corner } = this.inset.dataset;
    const [across, down] = this.inset.hasAttribute('hidden') ? [0, 0] : [this.inset.clientWidth + DOT, this.inset.clientHeight + DOT];
    const isUnder = { left: corner === 'top left', right: corner === 'top right' };
    // Below them is the scale, and in a corner the small world.
    const low = parallels.filter(({ at }) => at > 2 * LINE + (isUnder.left ? down : 0) && at < size.height - 3 * LINE);
    const top = meridians.filter(({ at }) => at > (isUnder.left ? across : 0) && at < size.width - DEGREES - (isUnder.right ? across : 0));
    this.svg.querySelector('.map-degrees')?.replaceChildren(
      ...top.map(({ at, degrees }) => words(at + 4, LINE, WORDS.longitude(degrees))),
      ...low.map(({ at, degrees }) => words(6, at - 4, WORDS.latitude(degrees))),
    );
  }

  /**
   * Where in the world this is: in a corner that no place is in, or nowhere. One corner has the scale.
   * @param {import('./mercator.js').Point[]} points where places are seen
   */
  #placeInset(points) {
    const { x, y, zoom } = this.#camera;
    const inset = this.inset;
    inset.toggleAttribute('hidden', zoom < FAR);
    const { width, height } = this.#size;
    const { clientWidth: across, clientHeight: down } = inset;
    const isFree = (/** @type {string} */ corner) => points.every((point, index) => {
      const fromSide = corner.endsWith('left') ? point.x : width - point.x;
      const fromEnd = corner.startsWith('top') ? point.y : height - point.y;
      // A name stands at either side of its place.
      const name = this.#nameOf(index) + LINE;
      return fromSide > across + name || fromEnd > down + LINE || fromSide < -name || fromEnd < -LINE;
    });
    // It stays where it is as long as it can.
    const corner = [inset.dataset.corner ?? 'top right', 'top right', 'top left', 'bottom right'].find(isFree);
    inset.toggleAttribute('hidden', zoom < FAR || !corner);
    if (corner) inset.dataset.corner = corner;
    inset.querySelector('circle')?.setAttribute('cx', String(x));
    inset.querySelector('circle')?.setAttribute('cy', String(y));
  }

  /** A name stands to the right of its place, or to the left, or only in the list below: never over another one. */
  #turnNames() {
    const scale = scaleOf((this.#turnedAt = this.#camera.zoom));
    const at = this.#places.map(({ x, y }) => ({ x: x * scale, y: y * scale }));
    /** @type {{left: number, right: number, y: number}[]} */
    const taken = at.map(({ x, y }) => ({ left: x - DOT, right: x + DOT, y }));
    [...this.marks.querySelectorAll('text')].forEach((text, index) => {
      const { x, y } = at[index];
      const wide = this.#nameOf(index);
      const sides = [{ anchor: 'start', left: x + DOT, right: x + DOT + wide }, { anchor: 'end', left: x - DOT - wide, right: x - DOT }];
      const free = sides.find(({ left, right }) => taken.every((other) => other.right <= left || other.left >= right || Math.abs(other.y - y) >= LINE));
      text.toggleAttribute('hidden', !free);
      if (!free) return;
      taken.push({ ...free, y });
      text.setAttribute('x', free.anchor === 'end' ? String(-DOT) : String(DOT));
      text.setAttribute('text-anchor', free.anchor);
    });
  }

  /** @param {number} index @returns {number} pixels that a place's name takes, more or less */
  #nameOf(index) {
    return Math.min(NAME, this.#places[index].label.length * LETTER);
  }

  /** @param {number} by levels @param {{x: number, y: number}} [at] what stays where it is, in pixels */
  #zoom(by, at) {
    cancelAnimationFrame(this.#frame);
    const { width, height } = this.#size;
    const from = { x: (at?.x ?? width / 2) - width / 2, y: (at?.y ?? height / 2) - height / 2 };
    const zoom = Math.max(0, Math.min(MOST_ZOOM, this.#camera.zoom + by));
    const [before, after] = [scaleOf(this.#camera.zoom), scaleOf(zoom)];
    const { x, y } = this.#camera;
    this.#camera = { x: x + from.x / before - from.x / after, y: y + from.y / before - from.y / after, zoom };
    this.#place();
  }

  /** @param {number} x @param {number} y pixels */
  #pan(x, y) {
    cancelAnimationFrame(this.#frame);
    const scale = scaleOf(this.#camera.zoom);
    this.#camera = { ...this.#camera, x: this.#camera.x + x / scale, y: this.#camera.y + y / scale };
    this.#place();
  }

  /** @param {PointerEvent} event */
  #down(event) {
    this.svg.setPointerCapture(event.pointerId);
    this.#pointers.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
  }

  /** One finger moves the map, two zoom it. @param {PointerEvent} event */
  #drag(event) {
    const before = this.#pointers.get(event.pointerId);
    if (!before) return;
    const now = { x: event.offsetX, y: event.offsetY };
    this.#pointers.set(event.pointerId, now);
    const other = [...this.#pointers].find(([id]) => id !== event.pointerId)?.[1];
    if (!other) return this.#pan(before.x - now.x, before.y - now.y);
    const apart = (/** @type {{x: number, y: number}} */ one) => Math.max(1, Math.hypot(one.x - other.x, one.y - other.y));
    this.#zoom(Math.log2(apart(now) / apart(before)), { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 });
  }

  /** @param {WheelEvent} event */
  #wheel(event) {
    event.preventDefault();
    const pixels = event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? event.deltaY : event.deltaY * 30;
    this.#zoom(Math.max(-1, Math.min(1, -pixels / 300)), { x: event.offsetX, y: event.offsetY });
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    /** @type {Record<string, () => void>} */
    const keys = {
      ArrowLeft: () => this.#pan(-STEP, 0),
      ArrowRight: () => this.#pan(STEP, 0),
      ArrowUp: () => this.#pan(0, -STEP),
      ArrowDown: () => this.#pan(0, STEP),
      '+': () => this.#zoom(1),
      '=': () => this.#zoom(1),
      '-': () => this.#zoom(-1),
      0: () => this.#fit(),
    };
    const act = event.ctrlKey || event.metaKey || event.altKey ? undefined : keys[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  /** @param {Event} event */
  #click(event) {
    const action = event.target instanceof Element ? event.target.closest('button')?.dataset.action : undefined;
    if (action === 'nearer') this.#zoom(1);
    if (action === 'farther') this.#zoom(-1);
    if (action === 'fit') this.#fit();
    if (action === 'fold') {
      const isFolded = this.element.classList.toggle('folded');
      this.element.querySelector('[data-action="fold"]')?.setAttribute('aria-expanded', String(!isFolded));
    }
  }

  #fit() {
    const camera = fit(this.#places, this.#size);
    if (camera) this.#go(camera);
  }
}

/** @param {any} map @returns {{camera: Camera, places: Place[], beyond: number} | null} nothing if it makes no sense */
function readMap(map) {
  const { latitude, longitude, zoom, latitudes, longitudes, labels } = map ?? {};
  if (![latitude, longitude, zoom].every(Number.isFinite)) return null;
  /** @type {Place[]} */
  const places = [];
  const count = Array.isArray(labels) ? labels.length : 0;
  for (let at = 0; at < Math.min(count, MOST_PLACES); at++) {
    const [north, east] = [latitudes?.[at], longitudes?.[at]];
    if (!Number.isFinite(north) || !Number.isFinite(east)) continue;
    places.push({ label: String(labels[at]).slice(0, MOST_LETTERS), ...project(north, east) });
  }
  return { camera: { ...project(latitude, longitude), zoom }, places, beyond: Math.max(0, count - MOST_PLACES) };
}

/** @param {string} name @param {Record<string, string | number>} attributes */
function shape(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  return element;
}
