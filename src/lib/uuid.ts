/** A UUID in lower case with dashes (RFC 9562), as a piece of a regular expression without a group that captures. */
export const UUID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';

const WHOLE = new RegExp(`^${UUID}$`);

export const isUuid = (text: string): boolean => WHOLE.test(text);
