/** A job that changed, at some file operations of its first run; all of them: `upgrade-crash.sweep.ts`. */
import { describeUpgrades } from '../helpers/upgrade-suite.js';

describe('a job that changed, after a crash', () => describeUpgrades(23));
