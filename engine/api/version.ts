/** An API version as `major.minor`. */
export interface ApiVersion {
  readonly major: number;
  readonly minor: number;
}

/** 1.52 drops event fields and network settings that today's clients read; see the README beside this file. */
export const apiVersion = '1.51';
export const minApiVersion = '1.24';

export function parseApiVersion(text: string): ApiVersion | null {
  const match = /^(\d{1,4})\.(\d{1,4})$/.exec(text);
  if (match === null) return null;
  return { major: Number(match[1]), minor: Number(match[2]) };
}

/** Negative when `left` is older. */
export function compareApiVersions(left: ApiVersion, right: ApiVersion): number {
  return left.major - right.major || left.minor - right.minor;
}
