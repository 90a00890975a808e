/** Text → what each YAML document in it says. */
import type { Findings } from '../findings.ts';
import * as limits from '../limits.ts';
import type { Source } from '../tree.ts';
import { checkCharacters, yamlFindings } from '../yaml-errors.ts';
import { readWithLibrary } from './library.ts';
import { isTextLimit, type TextLimit, type YamlNode } from './node.ts';
import { readPlainYaml } from './plain.ts';

/** Documents without content are left out, as are those with a mistake, which is a finding. */
export function readYaml(source: Source, findings: Findings): YamlNode[] {
  const scope = { source, findings };
  if (!isWithin(limits.maxText, scope) || !checkCharacters(source, findings)) return [];
  try {
    const plain = readPlainYaml(source.text, limits.maxNodes);
    if (plain !== null) return [plain];
    return isWithin(limits.maxUnusualText, scope) ? readAny(scope) : [];
  } catch (error) {
    if (!isTextLimit(error)) throw error;
    findings.error(error.kind === 'depth' ? 'too-deep' : 'too-large', messages[error.kind], {
      span: { source, start: error.offset, end: error.offset + 1 },
    });
    return [];
  }
}

const messages: Readonly<Record<TextLimit['kind'], string>> = {
  depth: `nests deeper than ${limits.maxDepth} levels`,
  documents: `the file has more than ${limits.maxDocuments} documents`,
  nodes: `the file has more than ${limits.maxNodes} entries`,
  tokens: `the file has more than ${limits.maxTokens} words and marks`,
};

interface Scope {
  readonly source: Source;
  readonly findings: Findings;
}

function isWithin(maxText: number, { source, findings }: Scope): boolean {
  const { length } = source.text;
  if (length <= maxText) return true;
  findings.error('too-large', `the file has ${length} characters, more than ${maxText}`, {
    span: { source, start: maxText, end: maxText + 1 },
    hint: 'keep data in files of their own, which configs, secrets and env_file can name',
  });
  return false;
}

function readAny({ source, findings }: Scope): YamlNode[] {
  return readWithLibrary(source.text, limits).flatMap(({ errors, contents }) => {
    if (errors.length > 0) yamlFindings(errors, source, findings);
    return errors.length > 0 || contents === null ? [] : [contents];
  });
}
