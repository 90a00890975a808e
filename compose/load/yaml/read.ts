/** Text → what each YAML document in it says. */
import type { Findings } from '../findings.ts';
import { maxDepth, maxNodes, maxText, maxTokens } from '../limits.ts';
import type { Source } from '../tree.ts';
import { checkCharacters, yamlFindings } from '../yaml-errors.ts';
import { readWithLibrary, TextLimit } from './library.ts';
import type { YamlNode } from './node.ts';
import { readPlainYaml } from './plain.ts';

/** Documents without content are left out, as are those with a mistake, which is a finding. */
export function readYaml(source: Source, findings: Findings): YamlNode[] {
  const { text } = source;
  if (text.length > maxText) {
    findings.error(
      'too-large',
      `a compose file can have ${maxText} characters, not ${text.length}`,
      {
        span: { source, start: maxText, end: maxText + 1 },
        hint: 'keep data in files of their own: configs, secrets and env_file can name them',
      },
    );
    return [];
  }
  if (!checkCharacters(source, findings)) return [];
  const plain = readPlainYaml(text, maxNodes);
  return plain === null ? readAny(source, findings) : [plain];
}

function readAny(source: Source, findings: Findings): YamlNode[] {
  try {
    return readWithLibrary(source.text, { maxDepth, maxTokens }).flatMap(({ errors, contents }) => {
      if (errors.length > 0) yamlFindings(errors, source, findings);
      return errors.length > 0 || contents === null ? [] : [contents];
    });
  } catch (error) {
    if (!(error instanceof TextLimit)) throw error;
    const span = { source, start: error.offset, end: error.offset + 1 };
    if (error.kind === 'depth') {
      findings.error('too-deep', `nests deeper than ${maxDepth} levels`, { span });
    } else {
      findings.error('too-large', `the file has more than ${maxTokens} words and marks`, { span });
    }
    return [];
  }
}
