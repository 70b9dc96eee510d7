"""How a report looks: one stylesheet for light, dark, narrow and paper."""

from typing import Final

_COLOURS = """\
:root { color-scheme: light dark;
  --ink: #1c2128; --quiet: #57606a; --paper: #ffffff; --panel: #f6f8fa; --line: #d5dbe1;
  --link: #0a5fa8; --good: #00694d; --warn: #8a5a00; --bad: #b03a00; --neutral: #0a5fa8;
  --good-bg: #e6f5f0; --warn-bg: #fdf3dc; --bad-bg: #fcebe3; --neutral-bg: #eaf2f9; }
@media (prefers-color-scheme: dark) { :root {
  --ink: #e4e8ec; --quiet: #9aa5b1; --paper: #14181d; --panel: #1c2229; --line: #39424c;
  --link: #7cbcf0; --good: #4fcfa5; --warn: #edb84a; --bad: #ff946b; --neutral: #7cbcf0;
  --good-bg: #12302a; --warn-bg: #352a12; --bad-bg: #3a2019; --neutral-bg: #172a3a; } }
"""

_TEXT = """\
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 20px clamp(12px, 3vw, 28px) 40px; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0; }
h2 { font-size: 1.15rem; margin: 32px 0 6px; padding-top: 14px; border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 20px 0 4px; }
h4, h5, h6 { font-size: .95rem; margin: 16px 0 4px; }
p { margin: 0 0 8px; max-width: 75ch; overflow-wrap: anywhere; }
a { color: var(--link); }
small { font-size: .85em; color: var(--quiet); }
code { font: .9em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace;
  overflow-wrap: anywhere; }
.subtitle, .quiet { color: var(--quiet); }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
  white-space: nowrap; }
.good { --tone: var(--good); --tone-bg: var(--good-bg); }
.warn { --tone: var(--warn); --tone-bg: var(--warn-bg); }
.bad { --tone: var(--bad); --tone-bg: var(--bad-bg); }
.neutral { --tone: var(--neutral); --tone-bg: var(--neutral-bg); }
"""

_BLOCKS = """\
.banner { display: flex; gap: 14px; margin: 16px 0; padding: 14px 16px; border-radius: 6px;
  background: var(--tone-bg); border-left: 6px solid var(--tone); }
.banner .mark { flex: none; width: 34px; height: 34px; border-radius: 50%; background: var(--tone);
  color: var(--paper); font-size: 19px; font-weight: 700; line-height: 34px; text-align: center; }
.banner p { margin: 0; }
.banner .decision { color: var(--tone); font-size: 1.3rem; font-weight: 700; line-height: 34px; }
.note { margin: 12px 0; padding: 8px 14px; border-left: 3px solid var(--line);
  background: var(--panel); border-radius: 0 4px 4px 0; }
.note:not(.neutral) { border-color: var(--tone); }
.note p:last-child { margin: 0; }
.note strong { color: var(--tone); text-transform: capitalize; }
.row { display: grid; gap: 4px 24px;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 400px), 1fr)); }
.row > div { min-width: 0; }
.scroll { position: relative; overflow-x: auto; }
figure { margin: 12px 0; }
figure svg { display: block; max-width: 100%; height: auto; }
@media (prefers-color-scheme: dark) {
  svg [fill="#0072B2"] { fill: #3f9fe0; } svg [stroke="#0072B2"] { stroke: #3f9fe0; } }
figcaption { color: var(--quiet); font-size: .9rem; max-width: 70ch; }
.facts { display: grid; gap: 0 24px; margin: 12px 0;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 400px), 1fr)); }
.facts div { display: flex; justify-content: space-between; gap: 16px; padding: 4px 0;
  border-bottom: 1px solid var(--line); }
.facts dt { color: var(--quiet); flex: none; max-width: 50%; overflow-wrap: anywhere; }
.facts dd { margin: 0; text-align: right; overflow-wrap: anywhere;
  font-variant-numeric: tabular-nums; }
.links { padding-left: 18px; }
.links code { color: var(--quiet); }
"""

_TABLES = """\
table { border-collapse: collapse; margin: 12px 0; font-size: .92rem; }
caption { text-align: left; font-weight: 600; padding: 0 0 6px; }
th, td { padding: 5px 12px; text-align: left; vertical-align: top; min-width: 3em;
  border-bottom: 1px solid var(--line); }
th:first-child { padding-left: 8px; }
thead th { color: var(--quiet); font-weight: 600; white-space: nowrap; vertical-align: bottom;
  border-bottom: 2px solid var(--line); }
tbody th { font-weight: 500; }
th.num, td.num { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
tr.good th, tr.warn th, tr.bad th { box-shadow: inset 3px 0 0 var(--tone); }
tr.warn, tr.bad { background: var(--tone-bg); }
tr .mark { display: inline-block; width: 1.4em; color: var(--tone); font-weight: 700; }
.findings { width: 100%; }
.findings tbody th { white-space: nowrap; }
.findings td:nth-child(2) { width: 100%; min-width: 15em; }
details { margin: 12px 0; border: 1px solid var(--line); border-radius: 6px; padding: 0 12px; }
summary { cursor: pointer; padding: 8px 0; font-weight: 600; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
@media (max-width: 560px) { th, td { padding: 5px 7px; } .banner .mark { display: none; } }
@media print { body { font-size: 11px; } main { max-width: none; padding: 0; }
  .scroll { overflow: visible; } figure, tr, .banner { break-inside: avoid; }
  h2, h3 { break-after: avoid; } thead { display: table-header-group; }
  * { print-color-adjust: exact; } details::details-content { content-visibility: visible;
  block-size: auto; } details:not([open]) > * { display: block; } }
"""

STYLESHEET: Final[str] = _COLOURS + _TEXT + _BLOCKS + _TABLES
