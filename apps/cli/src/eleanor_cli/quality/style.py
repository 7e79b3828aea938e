"""The style of the page.

Colours are after Okabe and Ito, which colour-blind people tell apart; on paper and in the dark each
has a shade with enough contrast of its own.
"""

from __future__ import annotations

from typing import Final

STYLE: Final = """
:root {
  color-scheme: light dark;
  --paper: #ffffff; --ink: #1b1f24; --soft: #5b6470; --rule: #d5dae0; --band: #f4f6f8;
  --one: #b34700; --zero: #0072b2; --good: #00664b; --bad: #b34700;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --paper: #14171a; --ink: #e8eaed; --soft: #a4adb8; --rule: #3a424b; --band: #1d2226;
    --one: #ffa04d; --zero: #6cc0f5; --good: #4fd3a8; --bad: #ffa04d;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 76rem;
  background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .5rem; }
h2 { font-size: 1.25rem; margin: 2.75rem 0 .5rem; }
h3 { font-size: 1.05rem; margin: 0; }
p { margin: .25rem 0; max-width: 48rem; }
a { color: inherit; text-decoration-color: var(--soft); text-underline-offset: 2px; }
.soft, dt { color: var(--soft); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: .75rem 0; }
dd { margin: 0; overflow-wrap: anywhere; }
.wide { overflow-x: auto; font-size: .88rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .15rem .7rem .15rem 0; text-align: right; white-space: nowrap; }
th { font-weight: 600; color: var(--soft); vertical-align: bottom; white-space: normal; }
.parts th { white-space: nowrap; }
td.none { color: var(--soft); }
th:first-child, td:first-child, .word { text-align: left; }
tbody tr { border-top: 1px solid var(--rule); }
tr.group th { color: var(--ink); padding-top: 1rem; }
tr.all td { font-weight: 600; background: var(--band); }
.better { color: var(--good); font-weight: 600; }
.worse { color: var(--bad); font-weight: 600; }
section.row { border-top: 1px solid var(--rule); padding: 1.25rem 0 1.5rem; }
section.row > p { margin-bottom: .75rem; }
.parts { display: flex; flex-wrap: wrap; gap: 1rem 2rem; align-items: flex-start; }
.parts table { font-size: .85rem; margin-bottom: .9rem; }
.plots {
  flex: 1 1 34rem; display: grid; gap: .5rem 1rem;
  grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr));
}
svg { width: 100%; height: auto; display: block; }
svg text { font-size: 11px; fill: var(--ink); }
svg text.name { font-size: 12.5px; font-weight: 600; }
svg .said { font-weight: 400; fill: var(--soft); }
svg text.tick { font-size: 10px; fill: var(--soft); }
svg .middle { text-anchor: middle; }
svg .end { text-anchor: end; }
.frame { fill: none; stroke: var(--rule); }
.axis { stroke: var(--soft); fill: none; }
.chance { fill: none; stroke: var(--soft); stroke-dasharray: 3 3; }
.curve { fill: none; stroke: var(--zero); stroke-width: 2; stroke-linejoin: round; }
.stem { stroke: var(--one); stroke-width: 1; opacity: .6; }
.dot { fill: var(--one); fill-opacity: .75; }
.mark { fill: var(--paper); stroke: var(--one); stroke-width: 2.5; }
.own { stroke: var(--soft); stroke-dasharray: 2 3; }
.label1 { fill: var(--one); }
.label0 { fill: var(--paper); stroke: var(--zero); stroke-width: 1.3; }
@media print {
  body { max-width: none; padding: 0; font-size: 9.5pt; }
  section.row, tr, svg { break-inside: avoid; }
  h2 { break-after: avoid; }
  .wide { overflow: visible; font-size: 6.5pt; }
  .parts { flex-wrap: nowrap; }
  .parts table { font-size: 7pt; line-height: 1.2; margin-bottom: .4rem; }
  section.row { padding: .6rem 0; }
  .plots { flex-basis: auto; grid-template-columns: repeat(3, 1fr); }
  a { text-decoration: none; }
}
"""
