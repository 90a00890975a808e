import type { Duplex } from 'node:stream';

/** The connection stops being HTTP. */
export interface Hijack {
  readonly kind: 'hijack';
  /** By whether the client asked for an upgrade. */
  readonly contentType: (isUpgrade: boolean) => string;
  /** Both directions, raw; half-closed by either side. It is closed when this is over. */
  readonly run: (connection: Duplex) => Promise<void>;
}

/** The connection becomes a WebSocket. */
export interface WebSocketReply {
  readonly kind: 'websocket';
  /** Of what is sent. */
  readonly messages: 'text' | 'binary';
  /** What clients send, and what goes to them, without framing. */
  readonly run: (connection: Duplex) => Promise<void>;
}

/** What a route answers: a value, so that routes need no socket to be tested. */
export type Reply =
  | Hijack
  | WebSocketReply
  | { readonly kind: 'json'; readonly status: number; readonly body: unknown }
  | {
      readonly kind: 'text';
      readonly status: number;
      readonly body: string;
      readonly headers?: ReplyHeaders;
    }
  | { readonly kind: 'empty'; readonly status: number; readonly headers?: ReplyHeaders }
  | {
      readonly kind: 'stream';
      readonly contentType: string;
      readonly headers?: ReplyHeaders;
      /** The head goes out before the first chunk is asked for. A failure later can only end the connection. */
      readonly chunks: AsyncIterable<string | Uint8Array>;
    };

export type ReplyHeaders = Readonly<Record<string, string>>;

export function json(body: unknown, status = 200): Reply {
  return { kind: 'json', status, body };
}

export function noContent(): Reply {
  return { kind: 'empty', status: 204 };
}

/** Dockerd answers some changes so, although it has nothing to say. */
export function ok(): Reply {
  return { kind: 'empty', status: 200 };
}

export function stream(contentType: string, chunks: AsyncIterable<string | Uint8Array>): Reply {
  return { kind: 'stream', contentType, chunks };
}
