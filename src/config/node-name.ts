const LABEL = '[A-Za-z0-9](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?';
/** The syntax of host names, without the limit of 253 characters. */
export const HOST_NAME = new RegExp(`^${LABEL}(?:\\.${LABEL})*\\.?$`);

/**
 * Whether a text is a host name: labels of letters, digits and hyphens (RFC 1123, at most 253 characters; a
 * final dot may follow). Underscores are allowed too, against the RFC: such host names are in use, and
 * resolvers accept them.
 */
export function isNodeName(text: string): boolean {
  return text.length <= 254 && HOST_NAME.test(text) && normalNodeName(text).length <= 253;
}

/** The form in which node names are compared: lower case, without a final dot. */
export const normalNodeName = (name: string): string => name.toLowerCase().replace(/\.$/, '');
