/*
 * What the HTML report can do beyond being read: sort and filter tables, zoom and search charts, copy next steps, open
 * what a link leads to. The page is whole without it, and it makes no markup of what the page says: text stays text.
 */
'use strict';
(() => {
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  const SVG = 'http://www.w3.org/2000/svg';

  function make(tag, attributes, ...inside) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...inside);
    return element;
  }

  const searchBox = (does, what) =>
    make('input', {type: 'search', 'aria-label': `${does}: ${what}`, placeholder: does.toLowerCase(), autocomplete: 'off'});

  // -- Figures: as the program writes them ---------------------------------------------------------------------------
  function bytesText(bytes) {
    const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
    let value = Math.abs(bytes), unit = 0;
    for (; value >= 1024 && unit + 1 < units.length; unit++) value /= 1024;
    return (unit ? value.toFixed(1) : String(value)) + ' ' + units[unit];
  }
  const countText = (count) => String(Math.abs(count)).replace(/\B(?=(\d{3})+$)/g, ',');

  function timeText(ns) {
    const seconds = ns / 1e9;
    if (seconds >= 60) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
    return seconds >= 1 ? `${seconds.toFixed(3)} s` : `${Math.round(ns / 1e6)} ms`;
  }
  const isCount = (text) => /^[+-]?[\d,]+$/.test(text);

  /* What a cell counts; NaN: nothing. */
  function cellNumber(cell) {
    if (cell.dataset.v !== undefined) return Number(cell.dataset.v);
    const text = cell.textContent.trim();
    return isCount(text) ? Number(text.replace(/,/g, '')) : NaN;
  }

  // -- Tables --------------------------------------------------------------------------------------------------------
  const SORT_ROWS = 2, FILTER_ROWS = 8;
  /* The columns that a row of sums tells of, with how they are written. */
  function summedColumns(sums) {
    const columns = [];
    [...sums.cells].forEach((cell, column) => {
      const value = cellNumber(cell);
      if (column === 0 || Number.isNaN(value)) return;
      const text = cell.textContent;
      columns.push({
        column, value, pair: cell.dataset.b === undefined ? null : Number(cell.dataset.b),
        text: cell.dataset.v === undefined ? countText : / s$| ms$| min/.test(text) ? timeText : bytesText,
      });
    });
    return columns;
  }

  class Table {
    constructor(element) {
      this.element = element;
      this.body = element.tBodies[0];
      /* Rows that are folded: of any order the first are not. */
      const after = element.parentElement.nextElementSibling;
      this.rest = after && after.matches('.rest') ? after : null;
      this.open = this.body.rows.length;
      this.rows = [this.body, ...(this.rest ? this.rest.querySelector('table').tBodies : [])].flatMap((body) => [...body.rows]);
      this.total = element.querySelector('tr.total');
      this.others = element.querySelector('tr.others');
      this.heads = [...element.tHead.rows[0].cells];
      if (this.rows.length >= SORT_ROWS) this.heads.forEach((head, column) => this.addSort(head, column));
      if (this.rows.length >= FILTER_ROWS) this.addFilter();
    }

    addSort(head, column) {
      if (!head.textContent.trim()) return;
      const button = make('button', {type: 'button'}, head.textContent);
      head.replaceChildren(button);
      button.addEventListener('click', () => this.sort(head, column));
    }

    /* Numbers from the largest down at first, names from the first on; what has no number comes last. */
    sort(head, column) {
      /* What paper leaves out stays the same rows, however they are sorted. */
      const first = this.body.querySelector('.more');
      if (first && !this.marked) this.rows.slice(this.rows.indexOf(first)).forEach((row) => row.classList.add('more'));
      this.marked = true;
      this.body.classList.add('marked');
      const keys = new Map(this.rows.map((row) => [row, cellNumber(row.cells[column])]));
      const names = new Map(this.rows.map((row) => [row, row.cells[column].textContent]));
      const numbers = this.rows.some((row) => !Number.isNaN(keys.get(row)));
      const before = head.getAttribute('aria-sort');
      const down = before ? before === 'ascending' : numbers;
      const sign = down ? -1 : 1;
      this.rows.sort((a, b) => {
        const x = keys.get(a), y = keys.get(b);
        if (numbers && Number.isNaN(x) !== Number.isNaN(y)) return Number.isNaN(x) ? 1 : -1;
        if (numbers && x !== y && !Number.isNaN(x)) return sign * (x - y);
        return numbers ? 0 : sign * (names.get(a) < names.get(b) ? -1 : names.get(a) > names.get(b) ? 1 : 0);
      });
      this.heads.forEach((other) => other.removeAttribute('aria-sort'));
      head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
      this.place();
    }

    /* Those that are seen first, as many as were not folded at first. */
    place() {
      if (!this.rest) return this.body.append(...this.rows);
      const seen = this.rows.filter((row) => !row.hidden), folded = seen.slice(this.open);
      this.body.replaceChildren(...seen.slice(0, this.open));
      this.rest.querySelector('tbody').replaceChildren(...folded, ...this.rows.filter((row) => row.hidden));
      this.rest.firstElementChild.textContent = `${countText(folded.length)} more row${folded.length === 1 ? '' : 's'}`;
      this.rest.hidden = !folded.length;
    }

    addFilter() {
      this.input = searchBox('Filter', this.element.caption.textContent);
      this.said = make('output', {});
      this.input.addEventListener('input', () => this.filter(this.input.value));
      this.element.parentElement.before(make('p', {class: 'tools'}, this.input, this.said));
      if (this.others || this.total) this.sums = summedColumns(this.others || this.total);
      if (this.others) this.first = [...this.others.cells].map((cell) => cell.textContent);
    }

    filter(words) {
      const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
      const hidden = [];
      this.texts ||= new Map(this.rows.map((row) => [row, row.textContent.toLowerCase()]));
      for (const row of this.rows) {
        row.hidden = !wanted.every((word) => this.texts.get(row).includes(word));
        if (row.hidden) hidden.push(row);
      }
      if (this.rest) this.place();
      this.said.textContent = hidden.length ? `${countText(this.rows.length - hidden.length)} of ${countText(this.rows.length)} rows` : '';
      this.sumUp(hidden);
    }

    /* What is hidden is in the others, so that rows and others are the total as before. */
    sumUp(hidden) {
      if (!this.others && this.total && hidden.length) {
        this.others = this.total.parentElement.insertBefore(make('tr', {class: 'others', 'data-n': 0}), this.total);
        this.others.append(make('th', {scope: 'row'}));
        for (let i = 1; i < this.total.cells.length; i++) this.others.append(make('td', {}));
        this.first = null;
      }
      if (!this.others) return;
      this.others.hidden = !this.first && !hidden.length;
      const cells = [...this.others.cells];
      cells.forEach((cell, i) => { cell.textContent = this.first && !hidden.length ? this.first[i] : ''; });
      if (!hidden.length) return;
      cells[0].textContent = `[${countText(Number(this.others.dataset.n) + hidden.length)} others]`;
      for (const {column, value, pair, text} of this.sums) {
        let sum = this.first ? value : 0, base = this.first ? pair : 0;
        for (const row of hidden) {
          sum += cellNumber(row.cells[column]) || 0;
          base += Number(row.cells[column].dataset.b) || 0;
        }
        const signed = this.heads[column].textContent.includes('+/-');
        const sign = sum < 0 ? '-' : signed && sum > 0 ? '+' : '';
        cells[column].textContent = pair === null ? (signed && !sum ? '0' : sign + text(sum)) : `${text(base)} -> ${text(sum)}`;
      }
    }

    show(row) {
      if (this.input && row.hidden) {
        this.input.value = '';
        this.filter('');
      }
    }
  }

  // -- Boxes that zoom and are searched: trees and maps -----------------------------------------------------------------
  const part = (box, name) => parseFloat(box.getAttribute(name)) || 0;
  class Boxes {
    constructor(svg, elements, back, keys) {
      this.svg = svg;
      this.zoomed = null;
      this.boxes = elements.map((element) => ({element, said: element.querySelector('title').textContent, children: []}));
      this.input = searchBox('Search', svg.getAttribute('aria-label'));
      this.out = make('button', {type: 'button', disabled: ''}, back);
      this.said = make('output', {});
      this.tools = make('p', {class: 'tools'}, this.input, this.out, this.said);
      this.info = make('p', {class: 'info', 'aria-hidden': 'true'}, keys);
      svg.before(this.tools);
      svg.after(this.info);
      this.input.addEventListener('input', () => this.search(this.input.value.trim().toLowerCase()));
      this.input.addEventListener('keydown', (event) => { if (event.key === 'Enter') this.next(); });
      this.out.addEventListener('click', () => this.back());
      svg.addEventListener('keydown', (event) => { if (!event.altKey && !event.ctrlKey && !event.metaKey) this.key(event); });
      for (const kind of ['focusin', 'mouseover']) svg.addEventListener(kind, (event) => this.tell(event.target.closest('svg, a')));
    }
    tell(at) {
      const box = at === this.svg ? null : this.boxes.find(({element}) => element === at || element.parentElement === at);
      if (box) this.info.textContent = box.said;
    }
    /* The one that the tabulator leads to. */
    stop(element, focus) {
      all('[tabindex="0"]', this.svg).forEach((other) => other.setAttribute('tabindex', -1));
      element.setAttribute('tabindex', 0);
      if (focus) element.focus();
    }

    label(box, said) {
      const text = box.element.appendChild(document.createElementNS(SVG, 'text'));
      text.setAttribute('x', 5);
      text.setAttribute('y', 15);
      text.textContent = said.slice(0, 110);
    }
    search(word) {
      let hits = 0;
      for (const {element, said} of this.boxes) hits += element.classList.toggle('hit', word !== '' && said.toLowerCase().includes(word));
      this.svg.classList.toggle('searched', word !== '');
      this.said.textContent = word === '' ? this.where() : `${countText(hits)} found${hits ? '; Enter: the next' : ''}`;
    }
    /* Of what was found and is seen the next is outlined and told of; who types goes on typing. */
    next() {
      const hits = this.boxes.filter(({element}) => element.matches('.hit') && element.getClientRects().length);
      const at = (hits.findIndex(({element}) => element.matches('.at')) + 1) % hits.length;
      this.boxes.forEach(({element}) => element.classList.toggle('at', hits.length > 0 && element === hits[at].element));
      if (hits.length) this.said.textContent = `${countText(at + 1)} of ${countText(hits.length)}: ${hits[at].said}`;
    }
    where() { return ''; }
  }

  class Tree extends Boxes {
    constructor(svg) {
      super(svg, all(':scope > svg', svg), 'back', 'Arrows: from box to box. Enter: zoom. Escape: back.');
      this.growth = false;
      this.boxes.forEach((box) => {
        const {element} = box, above = element.dataset.p;
        box.places = [[part(element, 'x'), part(element, 'width')], (element.dataset.g || '0 0').split(' ').map(Number)];
        box.parent = above === '' ? null : this.boxes[Number(above)];
        box.level = box.parent ? box.parent.level + 1 : 1;
        if (box.parent) box.parent.children.push(box);
        element.setAttribute('role', 'treeitem');
        element.setAttribute('aria-level', box.level);
        element.setAttribute('tabindex', -1);
        element.addEventListener('click', () => { this.focus(box); this.zoom(box === this.zoomed ? box.parent : box); });
      });
      svg.setAttribute('role', 'tree');
      this.roots = this.boxes.filter((box) => !box.parent);
      if (svg.classList.contains('both')) this.addMode();
      if (this.roots.length) this.stop(this.roots[0].element);
      this.draw();
    }

    addMode() {
      const mode = make('button', {type: 'button', 'aria-pressed': 'false'}, 'width by growth');
      mode.addEventListener('click', () => {
        mode.setAttribute('aria-pressed', this.growth = !this.growth);
        this.draw();
      });
      this.said.before(mode);
    }
    place(box) { return box.places[this.growth ? 1 : 0]; }
    isAbove(box, other) { return Boolean(other) && (box === other || this.isAbove(box, other.parent)); }

    draw() {
      const [left, width] = this.zoomed ? this.place(this.zoomed) : [0, 100];
      for (const box of this.boxes) {
        const [x, own] = this.place(box);
        const whole = this.zoomed && this.isAbove(box, this.zoomed);
        box.x = whole ? 0 : (x - left) / width * 100;
        box.width = whole ? 100 : own / width * 100;
        box.shown = whole || (box.width > 0.05 && (!this.zoomed || this.isAbove(this.zoomed, box)));
        box.element.setAttribute('display', box.shown ? 'inline' : 'none');
        if (!box.shown) continue;
        box.element.setAttribute('x', `${box.x.toFixed(3)}%`);
        box.element.setAttribute('width', `${box.width.toFixed(3)}%`);
        box.element.classList.toggle('above', Boolean(whole) && box !== this.zoomed);
        if (box.width > 1.2 && !box.element.querySelector('text')) this.label(box, box.said);
      }
      this.out.disabled = !this.zoomed;
    }
    zoom(box) {
      if (box && !(this.place(box)[1] > 0)) return;
      this.zoomed = box;
      this.draw();
    }
    back() { if (this.zoomed) this.zoom(this.zoomed.parent); }
    focus(box) { if (box && box.shown) this.stop(box.element, true); }

    key(event) {
      const box = this.boxes.find((one) => one.element === document.activeElement);
      if (!box) return;
      const siblings = (box.parent ? box.parent.children : this.roots).filter((one) => one.shown);
      const at = siblings.indexOf(box);
      const go = {
        ArrowDown: box.children.find((one) => one.shown), ArrowUp: box.parent, ArrowRight: siblings[at + 1], ArrowLeft: siblings[at - 1],
        Home: this.roots.find((one) => one.shown),
      };
      if (event.key in go) this.focus(go[event.key]);
      else if (event.key === 'Enter' || event.key === ' ') this.zoom(box);
      else if (event.key === 'Escape' || event.key === 'Backspace') this.back();
      else return;
      event.preventDefault();
    }
  }

  /* A namespace fills the whole: what lies in it keeps its part of the area, and what was too small is seen. */
  class Heap extends Boxes {
    constructor(svg) {
      super(svg, all('svg', svg), 'whole heap', 'Arrows: from one to the next. Enter: into a namespace, or to the row of a type. Escape: back.');
      for (const box of this.boxes) {
        const {element} = box;
        box.frame = element.dataset.g === undefined ? null : this.boxes[Number(element.dataset.g)];
        box.place = ['x', 'y', 'width', 'height'].map((name) => part(element, name));
        if (box.frame) box.frame.children.push(box);
        box.way = element.classList.contains('ns') ? element : element.closest('a');
        if (box.way === element) element.setAttribute('role', 'button');
        if (box.way) box.way.setAttribute('tabindex', -1);
        const into = box.way === element ? box : box.way ? null : box.frame;
        if (into) element.addEventListener('click', () => this.zoom(this.zoomed ? null : into));
      }
      this.draw();
    }

    draw() {
      const high = part(this.svg, 'height'), inside = this.zoomed ? this.zoomed.children.filter((box) => !box.element.classList.contains('fine')) : [];
      const left = Math.min(...inside.map((box) => box.place[0])), top = Math.min(...inside.map((box) => box.place[1]));
      const wide = Math.max(...inside.map((box) => box.place[0] + box.place[2])) - left, tall = Math.max(...inside.map((box) => box.place[1] + box.place[3])) - top;
      for (const box of this.boxes) {
        const [x, y, width, height] = box.place;
        const now = this.zoomed ? [(x - left) / wide * 100, (y - top) / tall * high, width / wide * 100, height / tall * high] : box.place;
        box.shown = !this.zoomed || box.frame === this.zoomed;
        (box.way || box.element).setAttribute('display', box.shown ? 'inline' : 'none');
        ['x', 'y', 'width', 'height'].forEach((name, i) => box.element.setAttribute(name, now[i].toFixed(3) + (i % 2 ? '' : '%')));
        if (this.zoomed && box.shown && now[2] > 3 && now[3] > 18 && !box.element.querySelector('text')) this.label(box, box.said.replace(`${box.frame.said.split(':')[0]}.`, ''));
      }
      this.svg.classList.toggle('zoomed', Boolean(this.zoomed));
      this.out.disabled = !this.zoomed;
      this.said.textContent = this.where();
      const first = this.ways()[0];
      if (first) this.stop(first);
    }
    where() { return this.zoomed ? `\u203a ${this.zoomed.said}` : ''; }
    /* What the arrows lead to: what is seen and leads on. */
    ways() { return this.boxes.filter((box) => box.way && box.shown && box.element.getClientRects().length).map((box) => box.way); }
    zoom(box) {
      const from = this.zoomed;
      if (box === from || (box && !box.children.length)) return;
      const within = this.svg.contains(document.activeElement);
      this.zoomed = box;
      this.draw();
      if (within) this.stop(box ? this.ways()[0] || this.svg : from.way, true);
    }
    back() { this.zoom(null); }

    key(event) {
      const ways = this.ways(), at = ways.indexOf(document.activeElement), box = this.boxes.find((one) => one.element === document.activeElement);
      const step = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1}[event.key];
      if (step && ways[at + step]) this.stop(ways[at + step], true);
      else if ((event.key === 'Enter' || event.key === ' ') && box) this.zoom(box);
      else if ((event.key === 'Escape' || event.key === 'Backspace') && this.zoomed) this.back();
      else return;
      event.preventDefault();
    }
  }

  // -- Next steps ------------------------------------------------------------------------------------------------------
  async function copy(element, button) {
    try {
      await navigator.clipboard.writeText(element.textContent);
      button.textContent = 'copied';
    } catch {
      getSelection().selectAllChildren(element);
      button.textContent = 'selected';
    }
    setTimeout(() => { button.textContent = 'copy'; }, 2000);
  }

  function addCopy(step) {
    const commands = all('code', step);
    for (const element of commands.length ? commands : all('span', step)) {
      const button = make('button', {type: 'button', class: 'copy', 'aria-label': 'Copy this step'}, 'copy');
      button.addEventListener('click', () => copy(element, button));
      element.after(button);
    }
  }

  // -- The page --------------------------------------------------------------------------------------------------------
  const tables = all('table.rows:not(.rest *)').map((element) => new Table(element));
  all('svg.tree').forEach((svg) => new Tree(svg));
  all('svg.map').forEach((svg) => new Heap(svg));
  all('.next').forEach(addCopy);

  /* What a link leads to is shown, wherever it is. */
  function reveal() {
    const target = location.hash && document.getElementById(location.hash.slice(1));
    if (!target) return;
    for (let at = target.parentElement; at; at = at.parentElement) if (at.tagName === 'DETAILS') at.open = true;
    tables.forEach((table) => { if (table.rows.includes(target)) table.show(target); });
    target.scrollIntoView({block: 'center'});
  }
  addEventListener('hashchange', reveal);
  reveal();
})();
