import { threadKillSuite } from '../helpers/thread-kill-suite.js';

threadKillSuite({ kills: 6, seed: Number(process.env['SLUICE_SEED'] ?? 1) });
