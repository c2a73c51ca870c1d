// Numbers as people read them: three digits that mean something, commas between thousands, a unit that keeps them short.

/** Three digits that mean something, and no more: 18,400 · 1,250 · 12.3 · 0.97. */
export function short(value) {
  if (!Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const rounded = Number(value.toPrecision(3));
  const decimals = Math.min(20, Math.max(0, 2 - Math.floor(Math.log10(Math.abs(rounded)))));
  return rounded.toLocaleString("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}

/** A number that stands for itself: 1,000,000. */
export const count = (value) => (Number.isFinite(value) ? value.toLocaleString("en-US", { maximumFractionDigits: 2 }) : "–");

export const rate = (value) => `${short(value)}/s`;
export const micros = (value) => `${short(value)} µs`;
export const millis = (value) => `${short(value)} ms`;

/** With two digits that mean something at least; decimals where they decide. */
export function times(value) {
  if (!Number.isFinite(value)) return "–";
  if (value > 0 && value < 0.1) return `${Number(value.toPrecision(2))}×`;
  return `${value < 10 ? value.toFixed(2) : short(value)}×`;
}

/** Bytes, and from 10,000 on in larger units. */
export function bytes(value) {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size < 10_000) return `${short(value)} B`;
  if (size < 1024 ** 2) return `${short(value / 1024)} KiB`;
  if (size < 1024 ** 3) return `${short(value / 1024 ** 2)} MiB`;
  return `${short(value / 1024 ** 3)} GiB`;
}

/** A share of one, in whole percents: 4 %. */
export const percent = (value) => (Number.isFinite(value) ? `${Math.round(value * 100)} %` : "–");
