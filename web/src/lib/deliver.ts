/** Sending one file and telling the broker, until the broker says that it has all of it. */
import { type Completion, type OrProblem, Problem, type Upload } from "./api.ts";
import type { Sending } from "./send.ts";

/** Raises what `Sending.run` raises, and the broker's Problem with this upload. */
export async function deliver(
  sending: Sending,
  complete: (told: Completion) => Promise<OrProblem<Upload>>,
  signal: AbortSignal,
): Promise<Upload> {
  for (let again = false; ; again = true) {
    const answer = await complete(await sending.run(signal));
    if (!("problem" in answer)) return answer;
    const problem = Problem.from(answer.problem);
    const missing = problem.members["missing"];
    // Blocks that the store lost, or never had, are sent once more.
    if (again || problem.slug !== "blocks-missing" || !Array.isArray(missing)) throw problem;
    sending.forget(missing.filter((index) => typeof index === "number"));
  }
}
