/** `SLUICE_SWEEP=10 npm run test:sweep` kills it 200 times while it reads a million events; SLUICE_SEED is another order. */
import { killMatrix } from '../helpers/kill-matrix.js';

const size = Number(process.env['SLUICE_SWEEP'] ?? 1);

killMatrix({ events: 100_000 * size, kills: 20 * size, burst: 20, seed: Number(process.env['SLUICE_SEED'] ?? 1) });
