import { killSuite } from '../helpers/kill-suite.js';

killSuite({ kills: 10, seed: Number(process.env['SLUICE_SEED'] ?? 1) });
