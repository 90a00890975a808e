/**
 * What loading takes on, and why no more: a file from a stranger must be refused within a second and 256 MB. Each limit
 * is far beyond what people write.
 */

/** Characters of one file. A thousand services are one million; memory is several times the text. */
export const maxText = 8_000_000;

/** Entries and items of one file, as it is written. A thousand services have thirty thousand. */
export const maxNodes = 250_000;

/** Tokens of a text that only the yaml package can read: a value is three to five, and each takes 150 bytes. */
export const maxTokens = 1_000_000;

/** How deep maps and lists nest, as recursion over the tree must end before the stack does. Files use ten levels. */
export const maxDepth = 200;

/** Values that all aliases of a document together may stand for, as in docker compose v5. */
export const maxAliased = 100_000;
