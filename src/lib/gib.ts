/** A GiB, in bytes. The charts, which import nothing, have their own. */
export const GIB = 2 ** 30;
