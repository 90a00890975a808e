/** What a route answers: a value, so that routes need no socket to be tested. */
export type Reply =
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

export function stream(contentType: string, chunks: AsyncIterable<string | Uint8Array>): Reply {
  return { kind: 'stream', contentType, chunks };
}
