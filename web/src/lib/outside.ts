/**
 * File names as they may be said: the service refuses characters that cannot be seen, and nobody can retype a file's
 * name. The same characters as in `broker/text.py`: controls, marks that turn the direction, and what leaves no trace.
 */
const BREAKS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/gu;
const UNSEEN = /[\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;

/** The text as one line without them: breaks become spaces, what is unseen goes. */
export const plain = (text: string): string => text.replace(BREAKS, " ").replace(UNSEEN, "");

/** The name by which a file is declared, and by which it is known again; never empty. */
export const fileName = (name: string): string => plain(name.slice(0, 500)) || "file";
