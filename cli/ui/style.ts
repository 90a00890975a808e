/** Colours as functions, so that without colour nothing but the text is left. */

export type Paint = (text: string) => string;

export interface Style {
  readonly isColoured: boolean;
  readonly bold: Paint;
  readonly dim: Paint;
  readonly red: Paint;
  readonly green: Paint;
  readonly yellow: Paint;
  /** The colour that belongs to a name, the same in every run. */
  readonly forName: (name: string) => Paint;
}

/** SGR parameters that are readable on dark and on light grounds; red and grey are left for errors and asides. */
const namePalette = ['36', '33', '32', '35', '34', '36;1', '33;1', '32;1', '35;1', '34;1'] as const;

const identity: Paint = (text) => text;

export const plainStyle: Style = {
  isColoured: false,
  bold: identity,
  dim: identity,
  red: identity,
  green: identity,
  yellow: identity,
  forName: () => identity,
};

export const colouredStyle: Style = {
  isColoured: true,
  bold: sgr('1'),
  dim: sgr('2'),
  red: sgr('31'),
  green: sgr('32'),
  yellow: sgr('33'),
  forName: (name) => sgr(namePalette[hash(name) % namePalette.length] ?? '0'),
};

/** `--ansi` decides; then NO_COLOR (no-color.org), which counts when it is not empty; then whether it is a terminal. */
export function chooseStyle(
  ansi: 'auto' | 'always' | 'never',
  env: Readonly<Record<string, string | undefined>>,
  isTerminal: boolean,
): Style {
  if (ansi === 'always') return colouredStyle;
  if (ansi === 'never') return plainStyle;
  const isRefused = (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb';
  return isTerminal && !isRefused ? colouredStyle : plainStyle;
}

function sgr(parameters: string): Paint {
  return (text) => `\u001B[${parameters}m${text}\u001B[0m`;
}

/** FNV-1a: neighbours like "web-1" and "web-2" get unlike colours. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193) >>> 0;
  }
  return value >>> 8;
}
