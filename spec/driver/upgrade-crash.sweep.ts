/** `SLUICE_SWEEP=1 npm run test:sweep`: a job that changed dies in each file operation of its first run. About a minute. */
import { describeUpgrades } from '../helpers/upgrade-suite.js';

const step = Math.max(1, Math.round(1 / Number(process.env['SLUICE_SWEEP'] ?? 1)));

describe(`a job that changed, after a crash, swept (every ${step}.)`, () => describeUpgrades(step));
