/**
 * A lineage as text, the result first. A shuffle begins a block of its own, with its number of partitions:
 *
 *   (2) map at jobs/x.ts:12
 *    |  combineByKey at jobs/x.ts:11
 *    +-(3) union at jobs/x.ts:10
 *       |  map at jobs/x.ts:9
 *       |  blocks
 *       |  collection at jobs/x.ts:8
 */
import { numPartitionsOf, type Lineage } from './lineage.js';
import { isCounted } from './rdd-partitions.js';

export const lineageText = (lineage: Lineage): string => blockOf(lineage).join('\n');

/** What is computed without a shuffle, line by line, then what that takes by a shuffle. */
function blockOf(head: Lineage): string[] {
  const count = `(${countOf(head)})`;
  const indent = ' '.repeat(count.length - 2);
  const lines: string[] = [];
  const visit = (node: Lineage): void => {
    lines.push(lines.length === 0 ? `${count} ${describe(node)}` : `${indent}|  ${describe(node)}`);
    for (const { node: parent, shuffle } of node.dependencies) {
      if (shuffle === undefined) visit(parent);
      else lines.push(...blockOf(parent).map((line, i) => `${indent}${i === 0 ? '+-' : '  '}${line}`));
    }
  };
  visit(head);
  return lines;
}

const describe = ({ label, isCached }: Lineage): string => (isCached ? `${label} [cached]` : label);

/** `?` where it depends on the batch's input. */
const countOf = (lineage: Lineage): string => (isCounted(lineage) ? String(numPartitionsOf(lineage)) : '?');
