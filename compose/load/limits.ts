/**
 * What loading takes on, and why no more: a file from a stranger must be refused within a second and 256 MB. Each limit
 * is far beyond what people write.
 */

/** Characters of one file. A thousand services are one million; memory is several times the text. */
export const maxText = 8_000_000;

/** The same where only the yaml package can read the text, which needs ten times the time and memory. */
export const maxUnusualText = 2_000_000;

/** Tokens of such a text: a value is three to five of them, and each takes 150 bytes. */
export const maxTokens = 500_000;

/** Entries and items of one file, as docker compose v5. A thousand services have thirty thousand. */
export const maxNodes = 100_000;

/** Documents of one file: each is merged onto those before, and judged with them. */
export const maxDocuments = 500;

/** How deep maps and lists nest, as recursion over the tree must end before the stack does. Files use ten levels. */
export const maxDepth = 200;

/** Values that all aliases of a document together may stand for, as in docker compose v5. */
export const maxAliased = 100_000;

/** Mistakes of syntax in one file: what follows the hundredth is its consequence. */
export const maxMistakes = 100;

/** Services that extend one another in a row. Each is a copy of the one before, and a step of recursion. */
export const maxExtends = 100;

/** Entries that texts such as "1-65535" stand for in a whole project. A host has 65,535 ports. */
export const maxExpanded = 70_000;

/** Characters that one text may become when its variables are substituted, as variables can double line by line. */
export const maxSubstituted = 8_000_000;

/** The same for all texts of a project, or of an env file. */
export const maxSubstitutedInAll = 32_000_000;

/** Errors that are kept: of those that come after a thousand only the number is told. */
export const maxErrors = 1000;
