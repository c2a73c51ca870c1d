// What both kinds of pictures are drawn with. They are shown as images: the colours are the demo page's, and follow the reader's
// scheme by a media query; they bring a ground of their own, as the page around them may follow another. Text stays text.

/** The names of what is drawn, each with its colour in light and in dark. */
const COLOURS = {
  sheet: ["#fdfbf6", "#182327"],
  edge: ["#ddd5c4", "#2b3a3f"],
  ink: ["#16262b", "#ece6d8"],
  soft: ["#55636a", "#a5b0b0"],
  durable: ["#0d6862", "#4fb3a4"],
  strand: ["#a9d3c6", "#12413c"],
  plain: ["#b98a4a", "#c79b5c"],
  baseline: ["#2f5b9f", "#8fb3f2"],
  peer: ["#a39c8d", "#6a7a7f"],
};

const SANS = "-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,'Helvetica Neue','Noto Sans',Arial,sans-serif";
const SERIF = "'Iowan Old Style',Palatino,'URW Palladio L',P052,'Book Antiqua',Georgia,serif";

const variables = (scheme) => Object.entries(COLOURS).map(([name, colours]) => `--${name}:${colours[scheme]}`).join(";");

const STYLE = `svg{${variables(0)};color-scheme:light dark}
@media (prefers-color-scheme:dark){svg{${variables(1)}}}
text{font:13px ${SANS};fill:var(--ink);font-variant-numeric:tabular-nums}
.t{font:600 21px ${SERIF}}
.h{font:600 14px ${SERIF}}
.s{fill:var(--soft);font-size:12px}
.b{font-weight:600}
.e{text-anchor:end}
.m{text-anchor:middle}
.g{stroke:var(--edge);fill:none}`;

/** The mark of the project, 48 units wide, on a ground of its own. */
export const KNOT = '<rect width="48" height="48" rx="11" fill="#0d4f4b"/><g transform="translate(3.500 4) scale(.85)" '
  + 'stroke="#f4f0e7" stroke-width="4" fill="none" stroke-linecap="round" stroke-linejoin="round">'
  + '<path d="M47 24H25C17 8 2 10 2 24s15 16 23 0"/>'
  + '<path d="M23.500 32 27.500 16M30 32 34 16M36.500 32 40.500 16" stroke="#0d4f4b" stroke-width="7"/>'
  + '<path d="M23.500 32 27.500 16M30 32 34 16M36.500 32 40.500 16" stroke="#e9b264"/></g>';

/** A picture with a title and a description for those who do not see it. */
export function picture({ width, height, title, description, style = "" }, parts) {
  const size = `viewBox="0 0 ${width} ${height}" width="${width}" height="${height}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img" aria-labelledby="t d">
<title id="t">${escape(title)}</title>
<desc id="d">${escape(description)}</desc>
<style>${STYLE}${style && `\n${style}`}</style>
<rect x=".5" y=".5" width="${width - 1}" height="${height - 1}" rx="14" fill="var(--sheet)" stroke="var(--edge)"/>
${parts.join("\n")}
</svg>
`;
}

/** A line of text; `style` is its classes, apart by spaces. */
export function text(x, y, words, style = "") {
  return `<text x="${at(x)}" y="${at(y)}"${style && ` class="${style}"`}>${escape(words)}</text>`;
}

/** A coordinate with as many digits as can be seen. */
export const at = (value) => String(Number(value.toFixed(1)));

export const escape = (words) => String(words).replaceAll(/[&<>"]/g, (one) => ENTITIES[one]);

const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
