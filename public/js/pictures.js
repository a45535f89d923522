// @ts-check
// Pictures that go with a message: chosen, pasted or dropped, made small enough, shown before they are sent.

import { WORDS } from './words.js';

const MOST = 4; // with a message
const LONGEST = 1568; // pixels: vendors make larger ones smaller themselves
const LARGEST = 600_000; // characters of an address: four of them fit into a request of 4 MB

export class Pictures {
  /** @type {string[]} */
  #addresses = [];

  /** @param {HTMLElement} list @param {{say: (words: string) => void, changed: () => void}} on */
  constructor(list, on) {
    this.list = list;
    this.on = on;
  }

  get addresses() {
    return [...this.#addresses];
  }

  /** @param {string[]} addresses */
  set addresses(addresses) {
    this.#addresses = [...addresses];
    this.#draw();
  }

  /** @param {Iterable<File>} files */
  async add(files) {
    for (const file of files) {
      if (!file.type.startsWith('image/')) continue;
      if (this.#addresses.length >= MOST) return this.on.say(WORDS.tooManyPictures(MOST));
      try {
        const address = await small(file);
        // Others may have come meanwhile.
        if (this.#addresses.length < MOST) this.#addresses.push(address);
      } catch {
        this.on.say(WORDS.noPicture);
      }
      this.#draw();
    }
  }

  #draw() {
    showPictures(this.list, this.#addresses, (index) => {
      this.#addresses.splice(index, 1);
      this.#draw();
      this.on.changed();
    });
  }
}

/**
 * @param {HTMLElement} list @param {string[]} addresses
 * @param {(index: number) => void} [remove]
 */
export function showPictures(list, addresses, remove) {
  list.hidden = !addresses.length;
  list.replaceChildren(...addresses.map((address, index) => {
    const item = document.createElement('li');
    const picture = document.createElement('img');
    picture.alt = WORDS.picture(index + 1);
    // Nothing is loaded from elsewhere, whoever put an address there.
    if (/^data:image\/(png|jpeg|webp|gif);base64,/.test(address)) picture.src = address;
    item.append(picture);
    if (remove) {
      const button = document.createElement('button');
      button.type = 'button';
      button.className = 'quiet';
      button.textContent = '×';
      button.setAttribute('aria-label', WORDS.removePicture(index + 1));
      button.addEventListener('click', () => remove(index));
      item.append(button);
    }
    return item;
  }));
}

/**
 * Decoded, made smaller and written again beside the page's own thread: a photograph of 50 megapixels holds nothing up.
 * @param {File} file @returns {Promise<string>} its address, as data
 */
async function small(file) {
  const picture = await createImageBitmap(file);
  const share = Math.min(1, LONGEST / Math.max(picture.width, picture.height));
  for (let size = share; ; size *= 0.7) {
    const [width, height] = [picture.width, picture.height].map((side) => Math.max(1, Math.round(side * size)));
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext('2d');
    if (!context) throw new Error('no canvas');
    // JPEG knows nothing of transparency.
    context.fillStyle = '#fff';
    context.fillRect(0, 0, width, height);
    context.drawImage(picture, 0, 0, width, height);
    const address = await addressOf(await canvas.convertToBlob({ type: 'image/jpeg', quality: 0.85 }));
    if (address.length <= LARGEST || size < 0.05) return address;
  }
}

/** @param {Blob} blob @returns {Promise<string>} */
function addressOf(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
}
