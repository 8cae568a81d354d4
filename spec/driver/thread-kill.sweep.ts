/** `SLUICE_SWEEP=50 npm run test:sweep` ends at least 2000 threads of the main job, from 50 seeds. */
import { threadKillSuite } from '../helpers/thread-kill-suite.js';

const seeds = Number(process.env['SLUICE_SWEEP'] ?? 1);
for (let seed = 100; seed < 100 + seeds; seed++) threadKillSuite({ kills: 40, seed });
