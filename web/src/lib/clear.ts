/** "May I clear the card?", answered in one sentence; the page "Sent today" answers in the same words. */

/** How many files stand where. `safe` ones are stored, or were already; `answers` wait for an answer of the person;
 * `unseen` ones somebody says to have sent again, and the service has nothing that shows it. */
export interface Sums {
  readonly safe: number;
  readonly sending: number;
  readonly checking: number;
  readonly answers: number;
  readonly lost: number;
  readonly unseen: number;
  readonly given_up: number;
}

export const NOTHING: Sums = { safe: 0, sending: 0, checking: 0, answers: 0, lost: 0, unseen: 0, given_up: 0 };

export interface Answer {
  readonly kind: "yes" | "wait" | "no";
  readonly text: string;
}

export function add(one: Sums, other: Sums): Sums {
  return {
    safe: one.safe + other.safe, sending: one.sending + other.sending, checking: one.checking + other.checking,
    answers: one.answers + other.answers, lost: one.lost + other.lost, unseen: one.unseen + other.unseen,
    given_up: one.given_up + other.given_up,
  };
}

/** Null if nothing was sent. */
export function mayClear(sums: Sums, today = false): Answer | null {
  const moving = underWay(sums);
  const no = sums.lost > 0 ? [`${were(sums.lost)} not stored. Keep ${them(sums.lost)}: see below.`] : [];
  if (sums.unseen > 0) {
    no.push(`${are(sums.unseen)} said to have been sent again, and the service has not seen ${them(sums.unseen)}.`, `Keep ${them(sums.unseen)}.`);
  }
  if (no.length > 0) {
    const rest = moving ? ` ${moving[0]!.toUpperCase()}${moving.slice(1)}.` : "";
    return { kind: "no", text: `No: ${no.join(" ")}${rest}` };
  }
  if (moving) return { kind: "wait", text: `Not yet: ${moving}. Keep the card.` };
  if (sums.safe === 0) return null;
  const of = today ? " you sent today" : "";
  const which = sums.safe === 1 ? `the file${of} is` : `all ${sums.safe} files${of} are`;
  const gone = sums.given_up ? ` ${were(sums.given_up)} given up.` : "";
  return { kind: "yes", text: `Yes: ${which} stored and checked. You may clear ${them(sums.safe)} from the camera.${gone}` };
}

function underWay({ sending, checking, answers }: Sums): string {
  const said = [[sending, "not sent yet"], [checking, "being checked"]] as const;
  const parts = said.filter(([count]) => count > 0).map(([count, what]) => `${count} ${count === 1 ? "is" : "are"} ${what}`);
  if (answers > 0) parts.push(`${answers} ${answers === 1 ? "waits" : "wait"} for your answer`);
  return parts.join(", ");
}

const were = (count: number): string => (count === 1 ? "1 file was" : `${count} files were`);
const are = (count: number): string => (count === 1 ? "1 file is" : `${count} files are`);
const them = (count: number): string => (count === 1 ? "it" : "them");
