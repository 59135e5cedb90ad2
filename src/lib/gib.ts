/** A GiB in bytes. The charts, which import nothing outside `machines/`, have a constant of their own. */
export const GIB = 2 ** 30;
