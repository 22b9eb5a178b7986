"""How a page looks, in light and dark, and the script that sorts its table."""

STYLE = """\
:root { color-scheme: light dark; --ink: #24292f; --faint: #656d76; --paper: #ffffff; --band: #d0d7de;
  --blue: #0072b2; --line: #d8dee4; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --faint: #8d96a0; --paper: #0d1117; --band: #3d444d; --blue: #4aa3e0;
    --line: #30363d; }
}
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 1280px; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.9rem; }
th, td { padding: 0.3rem 0.7rem 0.3rem 0; text-align: left; vertical-align: top;
  border-bottom: 1px solid var(--line); }
th { white-space: nowrap; } th.sorts { cursor: pointer; } th.sorts:hover { text-decoration: underline; }
td.number { white-space: nowrap; font-variant-numeric: tabular-nums; }
td:first-child { min-width: 11rem; overflow-wrap: anywhere; }
.panels { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 340px), 1fr)); gap: 1rem; }
figure { margin: 0; } svg { width: 100%; height: auto; max-width: 640px; }
svg * { stroke-linejoin: round; stroke-linecap: butt; }
pre { overflow-x: auto; padding: 0.7rem; border: 1px solid var(--line); }
.note { color: var(--faint); font-size: 0.9rem; }
"""

SCRIPT = """\
for (const head of document.querySelectorAll("th")) {
  head.classList.add("sorts");
  head.addEventListener("click", () => {
    const body = head.closest("table").tBodies[0], column = head.cellIndex;
    const down = head.ariaSort === "ascending", sign = down ? -1 : 1;
    const key = row => row.cells[column].dataset.key;
    const number = text => Number(text.replace("inf", "Infinity"));
    const order = (a, b) => number(a) === number(b) ? 0
      : isNaN(number(a)) || isNaN(number(b)) ? a.localeCompare(b) : number(a) - number(b);
    [...body.rows].sort((a, b) => sign * order(key(a), key(b))).forEach(row => body.append(row));
    for (const other of head.parentNode.cells) other.ariaSort = null;
    head.ariaSort = down ? "descending" : "ascending";
  });
}
"""
