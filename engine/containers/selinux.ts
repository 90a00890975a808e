/**
 * SELinux: labels of processes and files, `label=…` of security_opt and `z`, `Z` of a bind. This engine applies none. A
 * kernel without SELinux has nothing to label; where it is active, a label that is relied on is refused.
 */
import { EngineError } from '../api/index.ts';
import type { HostConfig } from '../api/index.ts';
import type { HostFacts } from '../runtime/index.ts';

/** What has no effect, as warnings. Throws `not-implemented` for a label that would have one. */
export function labelProblems(
  host: HostConfig,
  { hasSelinux }: Pick<HostFacts, 'hasSelinux'>,
): readonly string[] {
  const labels = (host.SecurityOpt ?? []).filter(
    (option) => /^label[=:]/.test(option) && option.slice('label='.length) !== 'disable',
  );
  if (hasSelinux && labels[0] !== undefined) {
    throw new EngineError(
      'not-implemented',
      `security option ${JSON.stringify(labels[0])} cannot be applied: this engine applies no SELinux labels`,
      { hint: 'leave it out, or write label=disable' },
    );
  }
  const parts = [...labels, ...(host.Binds ?? []).flatMap(relabelled)];
  if (parts.length === 0) return [];
  const reason = hasSelinux
    ? 'this engine applies no SELinux labels, and its containers keep its own'
    : 'SELinux is not active in this kernel';
  return [`${parts.join(', ')}: no effect, as ${reason}`];
}

/** SOURCE:TARGET:OPTIONS */
function relabelled(bind: string): readonly string[] {
  const [, target = '', options = ''] = bind.split(':');
  return options
    .split(',')
    .filter((option) => option.toLowerCase() === 'z')
    .map((option) => `"${option}" of the bind on ${target}`);
}
