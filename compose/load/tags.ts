import type { TreeMap, TreeValue } from './tree.ts';

/** Where a `!reset` or `!override` stands: the value is `holder[key]`. */
export interface TagSite {
  readonly tag: '!reset' | '!override';
  readonly holder: TreeMap | TreeValue[];
  readonly key: string | number;
}
