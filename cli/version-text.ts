/** What `version` prints; shared by the dispatcher, which answers it alone, and by the command. */
import type { EngineAddress } from './address.ts';

export interface VersionRequest {
  readonly short?: boolean;
  readonly format?: 'pretty' | 'json';
}

export function versionText(
  request: VersionRequest,
  version: string,
  address: () => EngineAddress,
): string {
  if (request.short === true) return `${version}\n`;
  const { url, isEmbedded, reason } = address();
  if (request.format === 'json') {
    const engine = { address: url, embedded: isEmbedded, reason };
    return `${JSON.stringify({ version: `v${version}`, engine })}\n`;
  }
  const engine = isEmbedded ? `embedded, ${url}` : url;
  return `tscompose version v${version}\nengine: ${engine} (${reason})\n`;
}

/** `--version`: one line, and no look at the environment. */
export function versionLine(version: string): string {
  return `tscompose version v${version}\n`;
}

/**
 * The request when the whole command line asks for the version and for nothing that needs the parser, else null.
 * A line that this does not know (global options, a misspelt flag, --help) is the parser's.
 */
export function versionRequest(argv: readonly string[]): VersionRequest | 'line' | null {
  const [command, ...rest] = argv;
  if (command === '--version' || command === '-v') return rest.length === 0 ? 'line' : null;
  if (command !== 'version') return null;
  const [first, second] = rest;
  if (first === undefined) return {};
  if (rest.length === 1) {
    if (first === '--short') return { short: true };
    if (first === '--format=json') return { format: 'json' };
  }
  const isFormat = first === '--format' || first === '-f';
  return rest.length === 2 && isFormat && second === 'json' ? { format: 'json' } : null;
}
