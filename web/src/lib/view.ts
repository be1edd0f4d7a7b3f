/** Where a picture lies in a pane: one view state, from which each pane makes its own affine matrix. Pure. */

export type Point = readonly [number, number];
/** Width and height, in pixels of a picture or in CSS pixels of a pane. */
export type Size = readonly [number, number];
/** As canvas takes it: x' = a x + c y + e, y' = b x + d y + f. */
export type Matrix = readonly [number, number, number, number, number, number];

export interface View {
  /** The point in the middle of the pane, as parts of the picture's width and height. */
  readonly u: number;
  readonly v: number;
  /** 1 is the whole picture in the pane. */
  readonly zoom: number;
  /** Quarter turns clockwise. */
  readonly turn: number;
  readonly flipX: boolean;
  readonly flipY: boolean;
  /** Whether micrometres are as long down as across, where the spacing is known. */
  readonly microns: boolean;
}

export const FIT: View = { u: 0.5, v: 0.5, zoom: 1, turn: 0, flipX: false, flipY: false, microns: false };
const LEAST = 0.25;
/** CSS pixels for one pixel of the picture, at most. */
const MOST_SCALE = 40;

/** CSS pixels for one pixel of the picture when the whole of it fits. */
export function fitScale(size: Size, pane: Size, turn: number): number {
  const [w, h] = turn % 2 ? [size[1], size[0]] : size;
  return Math.min(pane[0] / w, pane[1] / h);
}

/** From pixels of the picture to CSS pixels of the pane. */
export function matrix(view: View, size: Size, pane: Size): Matrix {
  const scale = fitScale(size, pane, view.turn) * view.zoom;
  const [a, b, c, d] = linear(view, scale);
  const [x, y] = [view.u * size[0], view.v * size[1]];
  return [a, b, c, d, pane[0] / 2 - a * x - c * y, pane[1] / 2 - b * x - d * y];
}

/** Zoom by a factor; the pixel under `at` stays under it. */
export function zoomAt(view: View, size: Size, pane: Size, at: Point, factor: number): View {
  const fit = fitScale(size, pane, view.turn);
  const zoom = Math.min(Math.max(view.zoom * factor, LEAST), Math.max(MOST_SCALE / fit, 1));
  const under = apply(invert(matrix(view, size, pane)), at);
  const [a, b, c, d] = linear(view, fit * zoom);
  const [dx, dy] = apply(invert([a, b, c, d, 0, 0]), [at[0] - pane[0] / 2, at[1] - pane[1] / 2]);
  return within({ ...view, zoom, u: (under[0] - dx) / size[0], v: (under[1] - dy) / size[1] });
}

/** Move the picture by CSS pixels. */
export function pan(view: View, size: Size, pane: Size, by: Point): View {
  const [a, b, c, d] = matrix(view, size, pane);
  const [dx, dy] = apply(invert([a, b, c, d, 0, 0]), by);
  return within({ ...view, u: view.u - dx / size[0], v: view.v - dy / size[1] });
}

/** One pixel of the picture is one pixel of the screen. */
export function oneToOne(view: View, size: Size, pane: Size, density: number): View {
  return { ...view, zoom: 1 / density / fitScale(size, pane, view.turn) };
}

export function apply(m: Matrix, [x, y]: Point): Point {
  return [m[0] * x + m[2] * y + m[4], m[1] * x + m[3] * y + m[5]];
}

export function invert([a, b, c, d, e, f]: Matrix): Matrix {
  const det = a * d - b * c;
  return [d / det, -b / det, -c / det, a / det, (c * f - d * e) / det, (b * e - a * f) / det];
}

/** First `inner`, then `outer`. */
export function then(inner: Matrix, outer: Matrix): Matrix {
  const [a, b, c, d, e, f] = inner;
  const [A, B, C, D, E, F] = outer;
  return [A * a + C * b, B * a + D * b, A * c + C * d, B * c + D * d, A * e + C * f + E, B * e + D * f + F];
}

export interface Alignment {
  readonly matrix: Matrix;
  /** How much larger the second picture has to be drawn. */
  readonly scale: number;
  /** Root mean square distance of the points after it, in pixels of the first picture; null for two points, which always fit. */
  readonly residual: number | null;
}

/** The similarity (turn, scale, shift) that lays points of a second picture best over those of a first; null if none does. */
export function align(pairs: readonly (readonly [first: Point, second: Point])[]): Alignment | null {
  if (pairs.length < 2) return null;
  const mean = (which: 0 | 1): Point => [
    pairs.reduce((sum, pair) => sum + pair[which][0], 0) / pairs.length,
    pairs.reduce((sum, pair) => sum + pair[which][1], 0) / pairs.length,
  ];
  const [p, q] = [mean(0), mean(1)];
  let [re, im, norm] = [0, 0, 0];
  for (const [first, second] of pairs) {
    const [ax, ay, bx, by] = [first[0] - p[0], first[1] - p[1], second[0] - q[0], second[1] - q[1]];
    re += ax * bx + ay * by;
    im += ay * bx - ax * by;
    norm += bx * bx + by * by;
  }
  if (norm === 0 || (re === 0 && im === 0)) return null;
  [re, im] = [re / norm, im / norm];
  const found: Matrix = [re, im, -im, re, p[0] - re * q[0] + im * q[1], p[1] - im * q[0] - re * q[1]];
  const squares = pairs.reduce((sum, [first, second]) => {
    const [x, y] = apply(found, second);
    return sum + (x - first[0]) ** 2 + (y - first[1]) ** 2;
  }, 0);
  return { matrix: found, scale: Math.hypot(re, im), residual: pairs.length < 3 ? null : Math.sqrt(squares / pairs.length) };
}

/** A distance in millimetres; `spacing` is [row, column] as files give it. */
export function millimetres(from: Point, to: Point, spacing: Point): number {
  return Math.hypot((to[0] - from[0]) * spacing[1], (to[1] - from[1]) * spacing[0]);
}

function linear(view: View, scale: number): readonly [number, number, number, number] {
  const [cos, sin] = [[1, 0], [0, 1], [-1, 0], [0, -1]][((view.turn % 4) + 4) % 4] as [number, number];
  const [x, y] = [view.flipX ? -scale : scale, view.flipY ? -scale : scale];
  return [cos * x, sin * y, -sin * x, cos * y];
}

function within(view: View): View {
  const inside = (part: number): number => Math.min(Math.max(part, 0), 1);
  return { ...view, u: inside(view.u), v: inside(view.v) };
}
