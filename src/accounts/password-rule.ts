/** The rule for passwords; completes the sentence "password must be …". */
export const PASSWORD_RULE = 'at least 8 characters and at most 1024 bytes, none of them a control character';

const CONTROL = /\p{Cc}/u;

/** Whether a text is a valid password. */
export const isFitPassword = (text: string): boolean =>
  [...text].length >= 8 && Buffer.byteLength(text) <= 1024 && !CONTROL.test(text);
