/** `X-Docker-Container-Path-Stat`, base64 of JSON. */
export interface PathStat {
  readonly name: string;
  readonly size: number;
  /** Go's io/fs.FileMode. */
  readonly mode: number;
  /** RFC 3339. */
  readonly mtime: string;
  /** Where a link leads to in the end; empty for anything else. */
  readonly linkTarget: string;
}

export const pathStatHeader = 'X-Docker-Container-Path-Stat';

/** GET /containers/{id}/changes. */
export interface FilesystemChange {
  readonly Path: string;
  readonly Kind: ChangeKind;
}

export const changeKinds = { modified: 0, added: 1, deleted: 2 } as const;
export type ChangeKind = (typeof changeKinds)[keyof typeof changeKinds];

/** POST /commit. */
export interface ContainerCommitted {
  readonly Id: string;
}

/**
 * Parameter of `PUT /containers/{id}/archive` that Docker does not know, and so ignores: `memory` or `disk`. The files are
 * not a part of the container's own then, but given to it at every start on a tmpfs; it says where they may be kept.
 */
export const givenFilesParameter = 'x-tscompose-files';
