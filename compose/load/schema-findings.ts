import { validateTree } from '../schema/validate.ts';
import { type Findings, keySpan, valueSpan } from './findings.ts';
import type { TreeMap } from './tree.ts';

/** Every way in which a tree breaks the schema, at its place. */
export function checkSchema(root: TreeMap, findings: Findings): void {
  for (const { code, message, path, isKey, label, hint } of validateTree(root)) {
    const span = isKey ? keySpan(root, path) : valueSpan(root, path);
    findings.error(code, message, { path, span, label, hint });
  }
}
