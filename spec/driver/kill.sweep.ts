/** `SLUICE_SWEEP=50 npm run test:sweep` kills the main job at least 500 times, from 50 seeds. */
import { killSuite } from '../helpers/kill-suite.js';

const seeds = Number(process.env['SLUICE_SWEEP'] ?? 1);
for (let seed = 100; seed < 100 + seeds; seed++) killSuite({ kills: 10, seed });
