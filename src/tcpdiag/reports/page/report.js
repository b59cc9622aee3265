"use strict";
// The tables of the page: sorted, filtered and paged here; the buttons that copy. All text goes in as text, never as
// markup: it comes from a capture, which anybody may have written.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const whole = new Intl.NumberFormat("en-US");
  const exact = new Intl.NumberFormat("en-US", { minimumFractionDigits: 3, maximumFractionDigits: 3 });

  function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (key === "onclick") made.addEventListener("click", value);
      else made.setAttribute(key, value);
    }
    made.append(...children);
    return made;
  }

  function shown(value, kind) {
    if (value === null) return "";
    if (kind === "severity") return data.severities[value];
    if (kind === "findings") return value.length ? whole.format(value.length) : "";
    if (kind === "count") return whole.format(value);
    if (kind === "seconds" || kind === "milliseconds") return exact.format(value);
    return value;
  }

  async function copy(text, button) {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // A page opened from a mail may not use the clipboard itself; what is selected can be copied all the same.
      const area = element("textarea", { readonly: "", style: "position:fixed;opacity:0" });
      area.value = text;
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  }

  function copied(text) {
    return element("button", { type: "button", class: "copy", onclick: (event) => copy(text, event.target) }, "Copy");
  }

  function cellsOf(column, value) {
    return column.pair ? value : [value];
  }

  // What a cell is ordered by: pairs of numbers by their sum, lists by their length, text as it is, unknown last.
  function weight(column, value) {
    if (column.kind === "findings") return value.length;
    if (!column.pair) return value;
    if (column.kind === "text") return value.join(" ");
    return value.every((each) => each === null) ? null : value.reduce((sum, each) => sum + (each ?? 0), 0);
  }

  function compare(a, b) {
    if (a === null || b === null) return (a === null) - (b === null);
    return typeof a === "string" ? a.localeCompare(b, "en", { numeric: true }) : a - b;
  }

  class Table {
    constructor(section, table) {
      this.section = section;
      this.columns = table.columns;
      this.rows = table.rows;
      this.details = table.details;
      this.field = table.field;
      this.body = section.querySelector("tbody");
      this.opener = this.columns.findIndex((column) => column.kind === "text");
      this.chosen = new Map();
      this.order = this.rows.map((_, index) => index);
      this.words = [];
      this.page = 0;
      this.controls();
      this.headings();
      this.update();
    }

    controls() {
      const form = this.section.querySelector("form");
      const search = element("input", { type: "search", placeholder: "Filter: words that must all occur",
        "aria-label": "Filter" });
      search.addEventListener("input", () => {
        this.words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
        this.update();
      });
      form.append(search);
      this.columns.forEach((column, index) => { if (column.choose) form.append(this.choice(column, index)); });
      this.count = element("output", { "aria-live": "polite" });
      this.before = element("button", { type: "button", onclick: () => this.turn(-1) }, "\u2039 Back");
      this.after = element("button", { type: "button", onclick: () => this.turn(1) }, "More \u203a");
      this.pages = element("span", { class: "pages" }, this.before, this.after);
      form.append(this.count, this.pages);
      form.addEventListener("submit", (event) => event.preventDefault());
      form.hidden = false;
    }

    choice(column, index) {
      const values = new Set(this.rows.flatMap((row) => cellsOf(column, row[index])));
      const any = element("option", { value: "" }, `any ${column.label}`);
      const menu = element("select", { "aria-label": column.label }, any);
      for (const value of [...values].sort(compare)) {
        menu.append(element("option", { value: String(value) }, shown(value, column.kind)));
      }
      menu.addEventListener("change", () => {
        if (menu.value === "") this.chosen.delete(index);
        else this.chosen.set(index, menu.value);
        this.update();
      });
      return menu;
    }

    headings() {
      const visible = this.columns.map((column, index) => [column, index]).filter(([column]) => !column.hidden);
      this.heads = [...this.section.querySelectorAll("th")];
      this.heads.forEach((head, position) => {
        const [column, index] = visible[position];
        const button = element("button", { type: "button", onclick: () => this.sort(head, index) }, column.label);
        head.replaceChildren(button);
      });
    }

    // Numbers and severities begin with the largest, words with the first; a second click turns the order.
    sort(head, index) {
      const column = this.columns[index];
      const was = head.getAttribute("aria-sort");
      const first = column.kind === "text" ? "ascending" : "descending";
      const now = was === null ? first : was === "ascending" ? "descending" : "ascending";
      this.heads.forEach((each) => each.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", now);
      const weights = this.rows.map((row) => weight(column, row[index]));
      const sign = now === "ascending" ? 1 : -1;
      this.order.sort((a, b) => {
        const unknown = weights[a] === null || weights[b] === null;
        return (unknown ? 1 : sign) * compare(weights[a], weights[b]) || a - b;
      });
      this.update();
    }

    matches(index) {
      const row = this.rows[index];
      for (const [column, value] of this.chosen) {
        if (!cellsOf(this.columns[column], row[column]).some((each) => String(each) === value)) return false;
      }
      if (!this.words.length) return true;
      this.texts ??= new Map();
      let text = this.texts.get(index);
      if (text === undefined) {
        text = this.columns.flatMap((column, at) => cellsOf(column, row[at]).map((each) => shown(each, column.kind)))
          .concat(this.details[index]?.story ?? []).join(" ").toLowerCase();
        this.texts.set(index, text);
      }
      return this.words.every((word) => text.includes(word));
    }

    update() {
      this.found = this.order.filter((index) => this.matches(index));
      this.page = 0;
      this.draw();
    }

    turn(by) {
      this.page += by;
      this.draw();
    }

    draw() {
      const start = this.page * data.rows_a_page;
      const end = Math.min(start + data.rows_a_page, this.found.length);
      this.body.replaceChildren(...this.found.slice(start, end).map((index) => this.row(index)));
      const range = end ? `${whole.format(start + 1)}\u2013${whole.format(end)} of ` : "";
      this.count.textContent = range + whole.format(this.found.length);
      this.pages.hidden = this.found.length <= data.rows_a_page;
      this.before.disabled = start === 0;
      this.after.disabled = end === this.found.length;
    }

    row(index) {
      const line = element("tr");
      this.columns.forEach((column, at) => {
        if (!column.hidden) line.append(this.cell(column, this.rows[index][at], at === this.opener ? index : null));
      });
      return line;
    }

    cell(column, value, opens) {
      const isNumber = !["text", "severity"].includes(column.kind);
      const classes = [["minor", column.minor], ["pair", column.pair], ["number", isNumber]];
      const cell = element("td", { class: classes.filter(([, applies]) => applies).map(([name]) => name).join(" ") });
      const texts = cellsOf(column, value).map((each) => shown(each, column.kind));
      if (opens !== null) {
        const button = element("button", { type: "button", class: "open", "aria-expanded": "false",
          onclick: () => this.toggle(button, opens) }, texts[0]);
        cell.append(element("div", {}, button), ...texts.slice(1).map((text) => element("div", {}, text)));
      } else if (column.pair) {
        cell.append(...texts.map((text) => element("div", {}, text)));
      } else if (column.kind === "severity") {
        cell.append(element("span", { class: `badge ${texts[0]}` }, texts[0]));
      } else {
        cell.append(texts[0]);
      }
      return cell;
    }

    toggle(button, index) {
      const line = button.closest("tr");
      const open = button.getAttribute("aria-expanded") === "true";
      button.setAttribute("aria-expanded", String(!open));
      if (open) line.nextElementSibling.remove();
      else {
        const cell = element("td", { colspan: line.cells.length }, this.opened(index));
        line.after(element("tr", { class: "opened" }, cell));
      }
    }

    opened(index) {
      const list = element("dl");
      const add = (label, values, name = "") => {
        const lines = values.map((value) => element("dd", { class: name }, value));
        if (lines.length) list.append(element("dt", { class: name }, label), ...lines);
      };
      const details = this.details[index] ?? {};
      add("What", details.story ?? []);
      this.columns.forEach((column, at) => {
        const value = this.rows[index][at];
        if (column.kind === "findings") add("Findings", value.map((row) => data.tables.findings.rows[row][1]));
        else if (column.hidden || column.minor) {
          const text = cellsOf(column, value).map((each) => shown(each, column.kind) || "-").join(" / ");
          add(column.label, [text], column.minor ? "elsewhere" : "");
        }
      });
      add("Next", details.next ?? []);
      if (details.place) add("Told", [element("a", { href: `#${details.place}` }, "above, in its incident")]);
      const filter = this.field ? `${this.field} == ${this.rows[index][0]}` : details.filter;
      if (filter) {
        list.append(element("dt", {}, "Wireshark"),
          element("dd", { class: "filter" }, element("code", {}, filter), copied(filter)));
      }
      return list;
    }
  }

  for (const [name, table] of Object.entries(data.tables)) {
    if (table.rows.length) new Table(document.getElementById(name), table);
  }
  for (const code of document.querySelectorAll("dd.filter > code")) code.after(copied(code.textContent));
})();
