/** Choosing several rows of a list, as file managers do it: click, Shift, Ctrl, Ctrl+A, arrows. Pure; rows are keys. */

export interface Selection {
  readonly chosen: ReadonlySet<string>;
  /** The row the keyboard is on. */
  readonly active: string | null;
  /** Where a range starts. */
  readonly anchor: string | null;
}

export const NONE: Selection = { chosen: new Set(), active: null, anchor: null };

export const only = (row: string): Selection => ({ chosen: new Set([row]), active: row, anchor: row });

export function toggle(selection: Selection, row: string): Selection {
  const chosen = new Set(selection.chosen);
  if (!chosen.delete(row)) chosen.add(row);
  return { chosen, active: row, anchor: row };
}

/** From the anchor to `row`, both included. */
export function extend(selection: Selection, rows: readonly string[], row: string): Selection {
  const anchor = selection.anchor !== null && rows.includes(selection.anchor) ? selection.anchor : row;
  const [from, to] = [rows.indexOf(anchor), rows.indexOf(row)].sort((a, b) => a - b) as [number, number];
  return { chosen: new Set(rows.slice(from, to + 1)), active: row, anchor };
}

export function all(rows: readonly string[]): Selection {
  return { chosen: new Set(rows), active: rows[0] ?? null, anchor: rows[0] ?? null };
}

/** The row `step` away from the active one, kept within the list. */
export function neighbour(selection: Selection, rows: readonly string[], step: number): string | null {
  const at = selection.active === null ? -1 : rows.indexOf(selection.active);
  return rows[Math.max(0, Math.min(rows.length - 1, at + step))] ?? null;
}

/**
 * Where the selection goes once its rows have been given an eye: one row moves on to the next row that needs one,
 * several rows to all that still need one. Nothing is guessed, the next key press only has less to point at.
 */
export function advance(selection: Selection, rows: readonly string[], needy: readonly string[]): Selection {
  if (needy.length === 0) return selection;
  if (selection.chosen.size > 1) return { chosen: new Set(needy), active: needy[0]!, anchor: needy[0]! };
  const at = rows.indexOf(selection.active ?? "");
  return only(needy.find((row) => rows.indexOf(row) > at) ?? needy[0]!);
}
