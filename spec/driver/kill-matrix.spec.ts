import { killMatrix } from '../helpers/kill-matrix.js';

killMatrix({ events: 3000, kills: 4, burst: 1, seed: Number(process.env['SLUICE_SEED'] ?? 1) });
