import { createHash } from 'node:crypto';
import { canonicalJson } from '../core/json.js';
import { planData, type Plan } from './node.js';

/** 16 hex digits that differ when plans differ; closures are not part of it, paths and options are. */
export function fingerprintOf(plan: Plan): string {
  return createHash('sha256')
    .update(canonicalJson(planData(plan)))
    .digest('hex')
    .slice(0, 16);
}
