/** `SLUICE_SWEEP=10 npm run test:sweep` runs it for ten minutes; only then is there enough memory to draw a line through. */
import { soak } from '../helpers/soak.js';

const minutes = Number(process.env['SLUICE_SWEEP'] ?? 1);

soak({
  seconds: 60 * minutes,
  seed: Number(process.env['SLUICE_SEED'] ?? 1),
  maxMbPerMinute: minutes < 8 ? undefined : 1,
});
