/**
 * A UUID in lower case with dashes (RFC 9562), as a part of a regular expression without a capturing group.
 */
export const UUID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';

const WHOLE = new RegExp(`^${UUID}$`);

/** Whether the whole text is a UUID in lower case with dashes. */
export const isUuid = (text: string): boolean => WHOLE.test(text);
