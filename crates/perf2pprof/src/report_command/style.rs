//! How the page looks, on a screen and on paper.

/// The page's style. Letters and lines have the contrast that WCAG asks for.
pub(crate) const CSS: &str = "
:root{color-scheme:light}
body{font:15px/1.45 system-ui,sans-serif;color:#1b1b1b;background:#fff;margin:0 auto;padding:1rem 1.5rem 3rem;max-width:1240px}
h1{font-size:1.5rem;margin:.4rem 0}h2{font-size:1.2rem;margin:2rem 0 .5rem;border-bottom:1px solid #bbb;padding-bottom:.2rem}
nav ul{list-style:none;padding:0;margin:.3rem 0;display:flex;flex-wrap:wrap;gap:.3rem 1.2rem}
a{color:#0b4f9e}
table{border-collapse:collapse;margin:.6rem 0;font-size:.9rem}
caption{text-align:left;color:#444;padding:.2rem 0}
th,td{padding:.16rem .55rem;border-bottom:1px solid #ddd;text-align:right;vertical-align:top}
th:first-child,td.text,th.text{text-align:left}
tbody th{font-weight:500}thead th{border-bottom:2px solid #888;vertical-align:bottom}
tfoot th,tfoot td{font-weight:600;border-top:2px solid #888}
tr.reason th{font-style:italic}
td.none{color:#6b6b6b}
code,pre{font-family:ui-monospace,monospace;font-size:.86em}
pre{white-space:pre-wrap;background:#f4f4f4;padding:.6rem .8rem;overflow-wrap:anywhere}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1rem;margin:.4rem 0}dt{font-weight:600}dd{margin:0}
.name{overflow-wrap:anywhere}.place{display:block;color:#4a4a4a;font-size:.9em}
.wide{overflow-x:auto}
.bar{background:linear-gradient(to right,#f7c89d var(--part),transparent var(--part))}
svg.hm{max-width:100%;height:auto}
iframe{width:100%;height:80vh;min-height:500px;border:1px solid #bbb}
.warn{background:#fff4dc;border-left:4px solid #a85b00;padding:.4rem .8rem}
@media print{
@page{margin:12mm}
body{font-size:10pt;max-width:none;padding:0}nav{display:none}
h2{break-after:avoid}tr,svg.hm,figure{break-inside:avoid}
iframe{height:230mm;border:0}a{color:inherit;text-decoration:none}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}
}
";
