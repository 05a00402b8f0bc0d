// Finding and sorting the rows of long tables. The page says all it has to say without it.
"use strict";

const FEWEST_ROWS = 12;
const words = document.body.dataset;
const language = document.documentElement.lang || "en";
const decimal = new Intl.NumberFormat(language).formatToParts(1.5).find((part) => part.type === "decimal").value;
const order = new Intl.Collator(language, { numeric: true });

// The first number in a cell, as it is written in the page's language; NaN where a word stands instead.
function number(cell) {
  const text = cell.textContent.trim().replace("−", "-");
  const found = text.match(/^[<>≈~ ]*(-?\d[\d.,\u00a0\u202f ]*)/);
  if (!found) return NaN;
  const grouped = decimal === "." ? /[,\u00a0\u202f ]/g : /[.\u00a0\u202f ]/g;
  return Number(found[1].replace(grouped, "").replace(decimal, ".").replace(/\.$/, ""));
}

function plain(text) {
  return text.normalize("NFD").replace(/\p{Diacritic}/gu, "").toLocaleLowerCase(language);
}

// Rows by what stands in a column: numbers before words, empty cells last whichever way.
function compare(column, ascending) {
  const sign = ascending ? 1 : -1;
  return (one, other) => {
    const [a, b] = [one.cells[column], other.cells[column]];
    const [x, y] = [number(a), number(b)];
    if (Number.isNaN(x) !== Number.isNaN(y)) return Number.isNaN(x) ? 1 : -1;
    if (!Number.isNaN(x)) return sign * (x - y);
    return sign * order.compare(a.textContent.trim(), b.textContent.trim());
  };
}

function enhance(table) {
  const body = table.tBodies[0];
  const printed = [...body.rows];
  const rows = printed.filter((row) => !row.classList.contains("group"));
  if (rows.length < FEWEST_ROWS) return;

  const field = document.createElement("input");
  field.type = "search";
  field.setAttribute("aria-label", words.find);
  field.placeholder = words.find;
  const told = document.createElement("output");
  const line = document.createElement("p");
  line.className = "finder";
  line.append(field, " ", told);
  table.closest(".scroll").before(line);

  let sorted = null;
  function show() {
    const asked = plain(field.value.trim());
    const kept = rows.filter((row) => !asked || plain(row.cells[0].textContent).includes(asked));
    for (const row of printed) row.hidden = !kept.includes(row);
    if (!asked && !sorted) for (const row of printed) row.hidden = false; // with the headings of its groups
    body.append(...(sorted ? [...rows].sort(compare(sorted.column, sorted.ascending)) : printed));
    told.textContent = asked ? words.found.replace("{shown}", kept.length).replace("{all}", rows.length) : "";
  }
  field.addEventListener("input", show);

  for (const [column, heading] of [...table.tHead.rows[0].cells].entries()) {
    if (heading.classList.contains("chart")) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.title = words.sort;
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const again = sorted && sorted.column === column;
      sorted = !again ? { column, ascending: true } : sorted.ascending ? { column, ascending: false } : null;
      for (const other of heading.parentNode.cells) other.removeAttribute("aria-sort");
      if (sorted) heading.setAttribute("aria-sort", sorted.ascending ? "ascending" : "descending");
      show();
    });
  }
}

document.querySelectorAll("table.clinics, table.index").forEach(enhance);
