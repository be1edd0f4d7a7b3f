/** Sending one file and telling the broker, until the broker says that it has all of it. */
import { type Completion, type OrProblem, Problem, type Upload } from "./api.ts";

/**
 * `send` sends what is missing; `forget` makes it send these blocks anew.
 *
 * Raises what `send` raises, and the broker's Problem with this upload.
 */
export async function deliver(
  send: () => Promise<Completion>,
  forget: (blocks: readonly number[]) => void,
  complete: (told: Completion) => Promise<OrProblem<Upload>>,
): Promise<Upload> {
  for (let again = false; ; again = true) {
    const answer = await complete(await send());
    if (!("problem" in answer)) return answer;
    const problem = Problem.from(answer.problem);
    const missing = problem.members["missing"];
    // Blocks that the store lost, or never had, are sent once more.
    if (again || problem.slug !== "blocks-missing" || !Array.isArray(missing)) throw problem;
    forget(missing.filter((index) => typeof index === "number"));
  }
}
