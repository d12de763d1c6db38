/** A report's style sheet: the colours of the reader's system, light or dark, and a form for paper. */
export const style = `
:root { color-scheme: light dark; --page: #fff; --text: #1f2328; --quiet: #59636e; --line: #d1d9e0; --panel: #f6f8fa;
  --first: #0969da; --second: #bc4c00; --right: #1a7f37; --wrong: #cf222e; }
@media (prefers-color-scheme: dark) { :root { --page: #0d1117; --text: #e6edf3; --quiet: #9198a1; --line: #3d444d; --panel: #151b23;
  --first: #4493f8; --second: #f0883e; --right: #3fb950; --wrong: #f85149; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 900px; margin: 0 auto; padding: 32px 20px 64px; }
h1 { font-size: 1.7em; line-height: 1.2; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 1.2em; margin: 40px 0 12px; padding-bottom: 4px; border-bottom: 1px solid var(--line); }
h3 { font-size: 1em; margin: 24px 0 8px; }
p { margin: 8px 0; }
.quiet, figcaption, caption { color: var(--quiet); font-size: .9em; }
.warning::before { content: "⚠ "; }
.failure { color: var(--wrong); white-space: pre-wrap; }
.verdicts { margin: 20px 0 0; padding: 12px 16px; background: var(--panel); border-left: 4px solid var(--first); border-radius: 4px; }
.verdicts p { margin: 4px 0; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { text-align: left; caption-side: bottom; padding-top: 6px; }
th, td { padding: 5px 12px; border-bottom: 1px solid var(--line); text-align: right; vertical-align: top; }
td, tbody th { white-space: nowrap; }
th:first-child, td:first-child { padding-left: 0; text-align: left; }
thead th { color: var(--quiet); font-size: .85em; font-weight: 600; white-space: nowrap; }
tbody th { font-weight: 600; }
tbody small { display: block; color: var(--quiet); font-weight: 400; }
tbody th small { white-space: normal; }
.better { color: var(--right); }
.worse { color: var(--wrong); }
.side { display: flex; flex-wrap: wrap; gap: 8px 40px; align-items: flex-start; }
.side > * { min-width: 0; max-width: 100%; }
.guard { margin: 4px 0 0; font-weight: 600; font-size: .9em; }
.side .wide caption { max-width: 26em; }
.charts figure { flex: 0 1 410px; margin: 0; }
.matrix + .side { margin-top: 20px; }
.reliability { width: 260px; margin: 0; }
.confusion td { text-align: center; min-width: 3.5em; }
.confusion td, .confusion thead th { padding: 5px 8px; }
.confusion thead th + th { text-align: center; }
.confusion .right { background: color-mix(in srgb, var(--right) calc(var(--share) * .55), transparent); }
.confusion .wrong { background: color-mix(in srgb, var(--wrong) calc(var(--share) * .55), transparent); }
.confusion .none { color: var(--quiet); }
.rows { width: 100%; table-layout: fixed; }
.rows th, .rows td { text-align: left; unicode-bidi: plaintext; overflow-wrap: anywhere; white-space: pre-wrap; }
.rows th:first-child { width: 4em; }
.rows th:nth-child(2) { width: 46%; }
.rows .won { color: var(--right); }
.rows .lost { color: var(--wrong); }
details { margin: 8px 0; }
summary { cursor: pointer; padding: 4px 0; font-weight: 600; }
dl { display: grid; grid-template-columns: minmax(9em, max-content) 1fr; gap: 4px 20px; margin: 0; }
dt { color: var(--quiet); }
dd { margin: 0; overflow-wrap: anywhere; }
dd.hash { font: 12px/1.9 ui-monospace, monospace; }
@media (max-width: 600px) { dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: 6px; } .rows { table-layout: auto; } }
pre, code { font: 13px/1.5 ui-monospace, monospace; }
pre { margin: 0; padding: 12px 16px; background: var(--panel); border-radius: 4px; white-space: pre-wrap; overflow-wrap: anywhere; }
figure { margin: 0 0 16px; }
figcaption { margin-top: 4px; }
svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--quiet); font: 12px system-ui, sans-serif; }
.grid { stroke: var(--line); stroke-width: 1; fill: none; }
.line { fill: none; stroke-width: 1.5; stroke-linejoin: round; }
.line.training { stroke: var(--first); }
.line.validation { stroke: var(--second); stroke-width: 2; }
.point { fill: var(--second); }
.best { fill: var(--page); stroke: var(--second); stroke-width: 2.5; }
.diagonal { stroke: var(--quiet); stroke-dasharray: 4 4; fill: none; }
.bar { fill: var(--first); opacity: .25; }
.count { fill: var(--quiet); opacity: .5; }
.bin { fill: var(--first); }
.front { stroke: var(--quiet); stroke-width: 1.5; fill: none; opacity: .7; }
.arm { stroke-width: 1.5; fill: var(--page); stroke: var(--quiet); }
.arm.on { fill: var(--quiet); }
.arm.adapter { stroke: var(--first); }
.arm.adapter.on { fill: var(--first); }
.arm.hard_prompt { stroke: var(--second); }
.arm.hard_prompt.on { fill: var(--second); }
svg text.name { paint-order: stroke; stroke: var(--page); stroke-width: 3px; }
svg text.on { fill: var(--text); font-weight: 600; }
.key { display: inline-block; width: 18px; height: 3px; margin: 0 4px 3px 0; vertical-align: middle; }
.key.training { background: var(--first); }
.key.validation { background: var(--second); margin-left: 12px; }
@media print { body { font-size: 12px; } main { max-width: none; padding: 0; } }
`;
