#!/usr/bin/env node
// The `sluice` command; dist/cli/main.js is made of it.
import { start } from './start.js';

await start(process.argv.slice(2));
