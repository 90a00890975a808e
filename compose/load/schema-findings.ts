import { validateTree } from '../schema/validate.ts';
import { type Findings, keySpan } from './findings.ts';
import type { TreeMap } from './tree.ts';

/** docker compose takes keys of an include that mean nothing to it; a typing mistake is worth a word all the same. */
export function warnOfUnknownKeys(root: TreeMap, findings: Findings): void {
  for (const { code, message, path, label } of validateTree(root)) {
    if (code !== 'unknown-key') continue;
    findings.warn(
      `${message} has no effect${label === undefined ? '' : `: ${label}`}`,
      keySpan(root, path),
    );
  }
}
