"""How a report looks: on a screen by day and by night, and on paper."""

STYLE = """\
:root {
  color-scheme: light dark;
  --ink: #1b2328; --soft: #55626a; --line: #cfd6da; --paper: #ffffff; --tint: #f4f6f7;
  --accent: #0b5c73; --warn: #7a4a00; --warn-tint: #fbf5ea; --warn-line: #d9b26a;
  --serif: Charter, "Bitstream Charter", "Sitka Text", Cambria, "Noto Serif", Georgia, serif;
  --sans: "Segoe UI", "Helvetica Neue", Helvetica, Arial, "Noto Sans", "DejaVu Sans", sans-serif;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #e4e8ea; --soft: #a3afb6; --line: #3b454b; --paper: #14191c; --tint: #1d2428;
    --accent: #7cc4da; --warn: #eac27c; --warn-tint: #272117; --warn-line: #6b552b;
  }
}
* { box-sizing: border-box; }
html { font-size: 106.25%; -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.55 var(--serif); }
.sheet { max-width: 54rem; margin: 0 auto; padding: 3.2rem 1.6rem 4rem; }
header { border-bottom: 3px double var(--line); padding-bottom: 1.3rem; margin-bottom: 1.6rem; }
.kicker, .made, nav, table, th, figcaption, caption, .label, footer, .code, dt, .note, pre {
  font-family: var(--sans);
}
.kicker { margin: 0; color: var(--accent); font-size: .74rem; letter-spacing: .09em;
  text-transform: uppercase; font-weight: 600; }
h1 { font-size: 2.05rem; line-height: 1.2; margin: .35rem 0 .5rem; font-weight: 600;
  text-wrap: balance; overflow-wrap: anywhere; }
.subtitle { font-size: 1.12rem; margin: 0; color: var(--soft); overflow-wrap: anywhere; }
.made { font-size: .78rem; color: var(--soft); margin: .7rem 0 0; }
h2 { font-size: 1.42rem; line-height: 1.25; margin: 2.9rem 0 .8rem; font-weight: 600;
  border-bottom: 1px solid var(--line); padding-bottom: .3rem; }
h2 .number { color: var(--soft); font-weight: 400; margin-right: .55em; }
h3 { font-size: 1.08rem; margin: 1.9rem 0 .5rem; font-weight: 600; overflow-wrap: anywhere; }
p { margin: 0 0 .85rem; max-width: 44rem; overflow-wrap: anywhere; hyphens: auto; }
.lead { font-size: 1.13rem; line-height: 1.5; }
.note { font-size: .8rem; line-height: 1.5; color: var(--soft); }
.abstract { background: var(--tint); border-left: 4px solid var(--accent);
  padding: 1.05rem 1.3rem .35rem; margin: 0 0 1.6rem; }
.abstract p { max-width: none; }
.abstract p:first-of-type { font-size: 1.13rem; }
nav { font-size: .84rem; color: var(--soft); }
nav ol { columns: 2; column-gap: 2.5rem; padding-left: 1.5rem; margin: .4rem 0 0; }
nav li { break-inside: avoid; padding: .1rem 0; }
a { color: var(--accent); text-decoration-thickness: 1px; text-underline-offset: 2px; }
.scroll { overflow-x: auto; margin: 1.3rem 0 .4rem; }
table { border-collapse: collapse; width: 100%; font-size: .82rem; line-height: 1.4;
  font-variant-numeric: tabular-nums; border-top: 1.5px solid var(--ink);
  border-bottom: 1.5px solid var(--ink); }
caption { text-align: left; padding-bottom: .45rem; font-size: .82rem; }
.label { font-weight: 650; }
th { text-align: left; font-weight: 600; vertical-align: bottom; padding: .42rem .7rem .42rem 0;
  border-bottom: 1px solid var(--ink); }
td { padding: .36rem .7rem .36rem 0; vertical-align: top; border-bottom: 1px solid var(--line);
  overflow-wrap: anywhere; min-width: 3.4rem; }
tr:last-child td { border-bottom: 0; }
th.right, td.right { text-align: right; padding-right: .2rem; padding-left: .7rem;
  overflow-wrap: normal; }
td.right { white-space: nowrap; }
.right + :not(.right) { padding-left: 1rem; }
.scroll + .note { margin-bottom: 1.4rem; }
dl { display: grid; grid-template-columns: minmax(9rem, 13rem) 1fr;
  margin: 1rem 0 1.3rem; font-size: .93rem; }
dt { color: var(--soft); font-size: .82rem; padding: .38rem 1.2rem .34rem 0;
  border-bottom: 1px solid var(--line); }
dd { margin: 0; padding: .3rem 0; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
figure { margin: 1.5rem 0 1.8rem; }
.drawing { background: #ffffff; border: 1px solid var(--line); padding: .8rem; text-align: center; }
.drawing svg { width: 100%; height: auto; max-width: calc(1.45 * var(--natural)); }
.drawing svg * { stroke-linejoin: round; stroke-linecap: butt; }
figcaption { font-size: .82rem; line-height: 1.45; margin-top: .55rem; max-width: 44rem;
  overflow-wrap: anywhere; }
.pictures { display: grid; gap: .9rem;
  grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); }
.pictures div { font: .74rem/1.4 var(--sans); color: var(--soft); overflow-wrap: anywhere; }
.pictures img { width: 100%; height: auto; display: block; background: #000;
  margin-bottom: .35rem; }
.cautions { list-style: none; padding: 0; margin: 1rem 0; }
.cautions li { background: var(--warn-tint); border-left: 4px solid var(--warn-line);
  padding: .6rem .9rem; margin: 0 0 .55rem; font-size: .93rem; overflow-wrap: anywhere; }
.cautions .code { color: var(--warn); font-weight: 650; font-size: .8rem; margin-right: .5em; }
.cautions .meaning { display: block; font: .8rem/1.45 var(--sans); color: var(--soft);
  margin-top: .2rem; }
ol.references { padding-left: 1.9rem; font-size: .9rem; }
ul.points { padding-left: 1.3rem; max-width: 44rem; }
li { overflow-wrap: anywhere; }
code { font-family: "Cascadia Mono", Consolas, Menlo, "DejaVu Sans Mono", monospace;
  font-size: .86em; }
pre { background: var(--tint); border: 1px solid var(--line); padding: .8rem 1rem;
  font-size: .76rem; line-height: 1.5; white-space: pre-wrap; overflow-wrap: anywhere;
  font-family: "Cascadia Mono", Consolas, Menlo, "DejaVu Sans Mono", monospace; }
footer { margin-top: 3.5rem; border-top: 1px solid var(--line); padding-top: .9rem;
  font-size: .78rem; color: var(--soft); }
@media (max-width: 40rem) {
  nav ol { columns: 1; }
  dl { grid-template-columns: 1fr; }
  dt { border-bottom: 0; padding-bottom: 0; }
}
@page { size: A4; margin: 20mm 18mm 22mm; }
@media print {
  :root { --ink: #000; --soft: #444; --line: #bbb; --paper: #fff; --tint: #f5f5f5;
    --accent: #0b5c73; --warn: #5c3800; --warn-tint: #fff; --warn-line: #b98a35; }
  html { font-size: 10pt; }
  .sheet { max-width: none; padding: 0; }
  nav { display: none; }
  h2, h3, caption { break-after: avoid; }
  figure, tr, .cautions li, dt, dd, .abstract { break-inside: avoid; }
  thead { display: table-header-group; }
  tbody tr:first-child { break-before: avoid; }
  .scroll { overflow: visible; }
  table { font-size: .72rem; }
  th.right, td.right { padding-left: .35rem; }
  .drawing { border: 0; padding: 0; }
  .drawing svg { max-width: calc(.85 * var(--natural)); }
  p { orphans: 3; widows: 3; }
}
"""
"""One sheet of CSS without an address in it; figures keep their white paper by night."""
