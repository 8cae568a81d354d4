/** A job that changed dies in each file operation of its first run. About a minute. */
import { describeUpgrades } from '../helpers/upgrade-suite.js';

describe('a job that changed, after a crash', () => describeUpgrades(1));
