declare const descriptor: unique symbol;

/** An open file descriptor. Whoever receives one from a function owns it and closes it with `closeFd`. */
export type Fd = number & { readonly [descriptor]: true };
