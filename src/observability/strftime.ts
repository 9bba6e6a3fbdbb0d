/**
 * `strftime` as Python has it on Linux: the directives of Python's documentation, those of glibc, and glibc's flags and widths, in
 * the C locale, for local time. https://docs.python.org/3/library/datetime.html#format-codes, strftime(3)
 */

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];

/** Directives that are short for several others. */
const COMPOUND: Readonly<Record<string, string>> = {
  c: "%a %b %e %H:%M:%S %Y",
  D: "%m/%d/%y",
  F: "%Y-%m-%d",
  h: "%b",
  r: "%I:%M:%S %p",
  R: "%H:%M",
  T: "%H:%M:%S",
  x: "%m/%d/%y",
  X: "%H:%M:%S",
};

/** A number, its minimal count of digits, and the padding. */
type Field = readonly [value: number, digits: number, fill: "0" | " "];

const MS_PER_DAY = 86_400_000;

/**
 * Formats a time as C's `strftime` does in the locale `C`.
 *
 * @param zone the abbreviation of the time zone then; asked for only by `%Z`
 */
export function strftime(format: string, time: Date, zone: (time: Date) => string = () => ""): string {
  return format.replace(
    /%([-_0^#]*)(\d*)(:z|[EO]?[A-Za-z%+])/g,
    (whole, flags: string, width: string, name: string) => {
      const directive = name === ":z" ? name : name.at(-1)!;
      const numeric = number(directive, time);
      if (numeric !== undefined) return pad(numeric, flags, width);
      const text = word(directive, time, zone);
      if (text === undefined) return whole;
      const cased = flags.includes("^")
        ? text.toUpperCase()
        : flags.includes("#")
        ? (directive === "p" || directive === "Z" ? text.toLowerCase() : text.toUpperCase())
        : text;
      return cased.padStart(Math.min(Number(width), MAX_WIDTH), flags.includes("0") ? "0" : " ");
    },
  );
}

/** The largest width: wider than the longest file name, which the system refuses. */
const MAX_WIDTH = 300;

/** Whether names by this format differ from second to second. */
export function hasSeconds(format: string): boolean {
  return [...format.matchAll(/%[-_0^#]*\d*[EO]?([A-Za-z%])/g)].some(([, name]) => "cfrsSTX".includes(name!));
}

function pad([value, digits, fill]: Field, flags: string, width: string): string {
  if (flags.includes("-")) return String(value);
  const filling = flags.includes("_") ? " " : flags.includes("0") ? "0" : fill;
  return String(value).padStart(Math.min(Math.max(digits, Number(width)), MAX_WIDTH), filling);
}

function number(directive: string, time: Date): Field | undefined {
  const [year, month, day] = [time.getFullYear(), time.getMonth(), time.getDate()];
  const weekday = time.getDay();
  const hour = time.getHours();
  const yearDay = Math.round((Date.UTC(year, month, day) - Date.UTC(year, 0, 1)) / MS_PER_DAY);
  switch (directive) {
    case "C":
      return [Math.floor(year / 100), 2, "0"];
    case "d":
      return [day, 2, "0"];
    case "e":
      return [day, 2, " "];
    case "f":
      return [time.getMilliseconds() * 1000, 6, "0"];
    case "g":
      return [isoWeek(year, yearDay, weekday).year % 100, 2, "0"];
    case "G":
      return [isoWeek(year, yearDay, weekday).year, 4, "0"];
    case "H":
      return [hour, 2, "0"];
    case "I":
      return [hour % 12 || 12, 2, "0"];
    case "j":
      return [yearDay + 1, 3, "0"];
    case "k":
      return [hour, 2, " "];
    case "l":
      return [hour % 12 || 12, 2, " "];
    case "m":
      return [month + 1, 2, "0"];
    case "M":
      return [time.getMinutes(), 2, "0"];
    case "s":
      return [Math.floor(time.getTime() / 1000), 1, "0"];
    case "S":
      return [time.getSeconds(), 2, "0"];
    case "u":
      return [weekday || 7, 1, "0"];
    case "U":
      return [Math.floor((yearDay + 7 - weekday) / 7), 2, "0"];
    case "V":
      return [isoWeek(year, yearDay, weekday).week, 2, "0"];
    case "w":
      return [weekday, 1, "0"];
    case "W":
      return [Math.floor((yearDay + 7 - (weekday + 6) % 7) / 7), 2, "0"];
    case "y":
      return [year % 100, 2, "0"];
    case "Y":
      return [year, 4, "0"];
    default:
      return undefined;
  }
}

function word(directive: string, time: Date, zone: (time: Date) => string): string | undefined {
  const compound = COMPOUND[directive];
  if (compound !== undefined) return strftime(compound, time);
  switch (directive) {
    case "a":
      return DAYS[time.getDay()]!.slice(0, 3);
    case "A":
      return DAYS[time.getDay()]!;
    case "b":
      return MONTHS[time.getMonth()]!.slice(0, 3);
    case "B":
      return MONTHS[time.getMonth()]!;
    case "n":
      return "\n";
    case "p":
      return time.getHours() < 12 ? "AM" : "PM";
    case "P":
      return time.getHours() < 12 ? "am" : "pm";
    case "t":
      return "\t";
    case "z":
      return offset(time, "");
    case ":z":
      return offset(time, ":");
    case "Z":
      return zone(time);
    case "%":
      return "%";
    default:
      return undefined;
  }
}

function offset(time: Date, separator: string): string {
  const minutes = -time.getTimezoneOffset();
  const two = (value: number) => String(value).padStart(2, "0");
  const absolute = Math.abs(minutes);
  return `${minutes < 0 ? "-" : "+"}${two(Math.floor(absolute / 60))}${separator}${two(absolute % 60)}`;
}

/** The week that begins on a Monday and has most of its days in its year (ISO 8601). */
function isoWeek(year: number, yearDay: number, weekday: number): { year: number; week: number } {
  const thursday = yearDay - (weekday + 6) % 7 + 3;
  if (thursday < 0) return { year: year - 1, week: Math.floor((thursday + daysIn(year - 1)) / 7) + 1 };
  if (thursday >= daysIn(year)) return { year: year + 1, week: 1 };
  return { year, week: Math.floor(thursday / 7) + 1 };
}

function daysIn(year: number): number {
  return (Date.UTC(year + 1, 0, 1) - Date.UTC(year, 0, 1)) / MS_PER_DAY;
}
