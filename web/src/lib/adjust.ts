/** How a picture is shown: never what it is. Pure. */

export interface Adjust {
  /** -1 to 1. */
  readonly brightness: number;
  /** 0.2 to 5. */
  readonly contrast: number;
  /** 0.2 to 5; above 1 lifts the dark parts. */
  readonly gamma: number;
  readonly invert: boolean;
  /** The green channel alone, in grey. */
  readonly green: boolean;
}

export const AS_IS: Adjust = { brightness: 0, contrast: 1, gamma: 1, invert: false, green: false };

/** What one colour channel becomes, as a table from 0 to 1. */
export function table(adjust: Adjust, entries = 64): number[] {
  return Array.from({ length: entries }, (_, index) => {
    const shown = Math.min(Math.max((index / (entries - 1) - 0.5) * adjust.contrast + 0.5 + adjust.brightness, 0), 1);
    const bent = shown ** (1 / adjust.gamma);
    return Math.round((adjust.invert ? 1 - bent : bent) * 1e4) / 1e4;
  });
}

/** What is on, in words; empty if the picture is shown as it is. */
export function words(adjust: Adjust): string[] {
  const percent = (value: number): string => `${value > 0 ? "+" : ""}${Math.round(value * 100)} %`;
  return [
    adjust.green ? "Green channel (simulated red-free)" : "",
    adjust.invert ? "Inverted" : "",
    adjust.brightness ? `Brightness ${percent(adjust.brightness)}` : "",
    adjust.contrast !== 1 ? `Contrast ${percent(adjust.contrast - 1)}` : "",
    adjust.gamma !== 1 ? `Gamma ${adjust.gamma.toFixed(2)}` : "",
  ].filter(Boolean);
}
