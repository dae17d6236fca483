// Numbers, money, durations and instants. All instants are in UTC, and say so.
const number = new Intl.NumberFormat("en-US");
const compact = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });

// CSV for spreadsheets (RFC 4180). A text that a spreadsheet would read as a formula begins with an apostrophe.
export function csv(rows) {
  const cell = (value) => {
    const text = typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value ?? "");
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return rows.map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}

export const UNKNOWN = "–";
export const count = (value) => (value === null || value === undefined ? UNKNOWN : number.format(value));
// A count with its noun in the right form: "1 partition", "2,100 partitions".
export const counted = (value, noun, plural = `${noun}s`) => `${count(value)} ${value === 1 ? noun : plural}`;
export const short = (value) => (value === null || value === undefined ? UNKNOWN : compact.format(value));
export const money = (value) => value?.formatted ?? UNKNOWN;
export const dollars = (cents) => `$${compact.format(cents / 100)}`;
export const percent = (part, whole) => (whole ? `${Math.round((part / whole) * 1000) / 10} %` : UNKNOWN);

export function instant(text) {
  if (!text) return UNKNOWN;
  const iso = new Date(text).toISOString();
  return `${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC`;
}

export function clock(text) {
  return text ? `${new Date(text).toISOString().slice(11, 19)} UTC` : UNKNOWN;
}

export function duration(seconds) {
  if (seconds === null || seconds === undefined || Number.isNaN(seconds)) return UNKNOWN;
  if (seconds < 10) return `${Math.round(seconds * 10) / 10} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 360) / 10} h`;
  return `${Math.round(seconds / 8640) / 10} days`;
}

export const secondsBetween = (from, to) => (new Date(to ?? Date.now()) - new Date(from)) / 1000;
export const ago = (text) => (text ? `${duration(Math.max(0, secondsBetween(text)))} ago` : UNKNOWN);

// ROUND_SHAPE becomes "Round shape".
export function words(name) {
  if (name === null || name === undefined) return "None";
  const text = String(name).replaceAll("_", " ").toLowerCase();
  return text.charAt(0).toUpperCase() + text.slice(1);
}

// Grades such as VVS1 or D stay as they are; long names become words.
export const grade = (name) => (/^([A-Z]|FL|IF|(VV?S|SI|I)\d)$/.test(name) ? name : words(name));
