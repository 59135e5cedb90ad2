/** A time in milliseconds since 1970 for a sentence: RFC 3339 in UTC, without fractions of a second. */
export const timeText = (milliseconds: number): string =>
  `${new Date(milliseconds).toISOString().slice(0, 19)}Z`;
