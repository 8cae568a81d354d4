#!/usr/bin/env node
// `node dist/driver JOB ...` is `sluice run JOB ...`; dist/driver/index.js is made of it.
import { start } from './start.js';

await start(['run', ...process.argv.slice(2)]);
