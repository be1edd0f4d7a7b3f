/** What file names suggest. They only suggest: a person confirms, once for a group. */

const RIGHT = new Set(["od", "re", "r", "right", "rechts", "droit", "droite", "derecho"]);
const LEFT = new Set(["os", "le", "l", "left", "links", "gauche", "izquierdo"]);
const BOTH = new Set(["ou", "both"]);

/** The eye that a path seems to name, the file's own name first; null if none, or two. */
export function suggestedEye(path: string): string | null {
  for (const part of path.split("/").reverse()) {
    const words = part.replace(/\.[a-z0-9]+$/i, "").replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase().split(/[^a-z]+/);
    const eyes = [["OD", RIGHT], ["OS", LEFT], ["OU", BOTH]] as const;
    const said = eyes.filter(([, names]) => words.some((word) => names.has(word)));
    if (said.length > 0) return said.length === 1 ? said[0]![0] : null;
  }
  return null;
}

/** Which files belong together: the same patient in their headers, else the same folder below what was dropped. */
export function groupKey(path: string, patient: { id: string; name: string; birth: string } | null): string {
  if (patient) return `patient/${patient.id || `${patient.name}/${patient.birth}`}`;
  const folders = path.split("/").slice(0, -1);
  return `folder/${folders.slice(0, 2).join("/")}`;
}
