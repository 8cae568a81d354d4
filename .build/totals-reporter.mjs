// Mocha's spec reporter, which also appends one JSON line of totals to the file that SPEC_TOTALS names. For .ci/run.
import { appendFileSync } from 'node:fs';
import Mocha from 'mocha';

const { EVENT_RUN_END } = Mocha.Runner.constants;

export default class TotalsReporter extends Mocha.reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    const file = process.env.SPEC_TOTALS;
    if (file === undefined) return;
    runner.once(EVENT_RUN_END, () => {
      const { passes, failures, pending } = this.stats;
      appendFileSync(file, `${JSON.stringify({ node: process.version, passes, failures, pending })}\n`);
    });
  }
}
