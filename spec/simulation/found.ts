/** Scenarios in which the engine once went wrong, as small as they could be made, each under the name of what was wrong. */
import type { Scenario } from './scenario.js';

export interface FoundBug {
  readonly bug: string;
  readonly scenario: Scenario;
}

export const FOUND: readonly FoundBug[] = [];
