/** When a picture can have been taken, in the words of the service; and how a time is written. */

const FIRST_YEAR = 1850;
/** How far ahead a time may lie, in milliseconds: a camera's clock tells local time, mostly without saying which. */
const AHEAD = 26 * 3_600_000;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** Why a time that somebody typed (ISO, local) cannot be, or null. `born`: the patient's birth date, if it is known whose. */
export function timeRefusal(value: string, born: string | null, now: number): string | null {
  const when = Date.parse(value);
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d$/.test(value) || Number.isNaN(when)) return "Give the day and the time.";
  if (Number(value.slice(0, 4)) < FIRST_YEAR) return `A picture cannot have been taken before ${FIRST_YEAR}. Check the year.`;
  if (when - now > AHEAD) return "A picture cannot have been taken in the future. Check the date.";
  if (born && value.slice(0, 10) < born) return "The picture cannot have been taken before the patient was born. Check the date and the patient.";
  return null;
}

/** `1957-03-21` as 21 Mar 1957. */
export function day(iso: string): string {
  const [year, month, date] = iso.slice(0, 10).split("-");
  return `${Number(date)} ${MONTHS[Number(month) - 1]} ${year}`;
}

/** `2026-03-12T10:32:00+01:00` as 12 Mar 2026 10:32 (+01:00); the day alone where there is no time. */
export function moment(iso: string): string {
  const [, time = "", offset = ""] = /T(\d\d:\d\d)(?::\d\d(?:\.\d+)?)?(Z|[+-]\d\d:\d\d)?$/.exec(iso) ?? [];
  return `${day(iso)}${time && ` ${time}`}${offset && ` (${offset === "Z" ? "UTC" : offset})`}`;
}

/** A time in a file as a clock in the clinic showed it then, `2026-03-12T10:32`: what a person types is such a time. */
export function clinicTime(iso: string): string {
  if (!/T.*(?:Z|[+-]\d\d:\d\d)$/.test(iso)) return iso.slice(0, 16);
  const when = new Date(iso);
  return new Date(when.getTime() - when.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
